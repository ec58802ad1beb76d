//! Values into pickles of protocol 4, byte for byte as CPython writes plain values, so that equal
//! values have equal keys whoever saved them.

use std::collections::HashMap;

use super::value::{Construct, Global, Object, Value};

/// CPython ends a frame when it has this many bytes, and keeps bytes this long out of frames.
const FRAME_BYTES: usize = 64 << 10;

/// CPython fills lists and dicts in pieces of this many items.
const BATCH: usize = 1000;

/// Shorter frames are written without their head.
const FRAME_BYTES_MIN: usize = 4;

/// Texts up to here are looked for among those written before.
const SHARED_TEXT_BYTES_MAX: usize = 64;

struct Writer {
    out: Vec<u8>,
    frame: Vec<u8>,
    memo_len: usize,
    texts: HashMap<String, usize>,
    globals: HashMap<Global, usize>,
}

/// The pickle of a value.
///
/// ```
/// use fastdata_metaflow::pickle::{Value, write};
///
/// assert_eq!(write(&Value::None), b"\x80\x04N.");
/// ```
pub fn write(value: &Value) -> Vec<u8> {
    let mut writer = Writer {
        out: vec![0x80, 4],
        frame: Vec::new(),
        memo_len: 0,
        texts: HashMap::new(),
        globals: HashMap::new(),
    };
    writer.value(value);
    writer.frame.push(b'.');
    writer.end_frame();
    writer.out
}

impl Writer {
    fn end_frame(&mut self) {
        if self.frame.len() >= FRAME_BYTES_MIN {
            self.out.push(0x95);
            self.out.extend((self.frame.len() as u64).to_le_bytes());
        }
        self.out.append(&mut self.frame);
    }

    fn memoize(&mut self) -> usize {
        self.frame.push(0x94);
        self.memo_len += 1;
        self.memo_len - 1
    }

    fn recall(&mut self, place: usize) {
        match u8::try_from(place) {
            Ok(place) => self.frame.extend([b'h', place]),
            Err(_) => {
                self.frame.push(b'j');
                // So many places need as many bytes of memory.
                self.frame.extend((place as u32).to_le_bytes());
            }
        }
    }

    fn value(&mut self, value: &Value) {
        // CPython looks at the length of the frame before it writes a value.
        if self.frame.len() >= FRAME_BYTES {
            self.end_frame();
        }
        match value {
            Value::None => self.frame.push(b'N'),
            Value::Bool(true) => self.frame.push(0x88),
            Value::Bool(false) => self.frame.push(0x89),
            Value::Int(int) => self.int(*int),
            Value::BigInt(int) => self.long(int.to_le_bytes()),
            Value::Float(float) => {
                let mut bytes = float.to_le_bytes();
                bytes.reverse();
                self.frame.push(b'G');
                self.frame.extend(bytes);
            }
            Value::Str(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.counted(bytes, [b'C', b'B', 0x8e]);
                self.memoize();
            }
            Value::List(items) => {
                self.frame.push(b']');
                self.memoize();
                self.append(items);
            }
            Value::Tuple(items) => self.tuple(items),
            Value::Dict(entries) => {
                self.frame.push(b'}');
                self.memoize();
                self.set_items(entries);
            }
            Value::Set(items) => {
                self.frame.push(0x8f);
                self.memoize();
                for items in items.chunks(BATCH) {
                    self.frame.push(b'(');
                    items.iter().for_each(|item| self.value(item));
                    self.frame.push(0x90);
                }
            }
            Value::FrozenSet(items) => {
                self.frame.push(b'(');
                items.iter().for_each(|item| self.value(item));
                self.frame.push(0x91);
                self.memoize();
            }
            Value::Global(global) => self.global(global),
            Value::Object(object) => self.object(object),
        }
    }

    fn int(&mut self, int: i64) {
        if let Ok(int) = u8::try_from(int) {
            self.frame.extend([b'K', int]);
        } else if let Ok(int) = u16::try_from(int) {
            self.frame.push(b'M');
            self.frame.extend(int.to_le_bytes());
        } else if let Ok(int) = i32::try_from(int) {
            self.frame.push(b'J');
            self.frame.extend(int.to_le_bytes());
        } else {
            let big = super::BigInt::from(i128::from(int));
            self.long(big.to_le_bytes());
        }
    }

    fn long(&mut self, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(len) => self.frame.extend([0x8a, len]),
            Err(_) => {
                self.frame.push(0x8b);
                self.frame.extend((bytes.len() as u32).to_le_bytes());
            }
        }
        self.frame.extend(bytes);
    }

    /// Bytes behind their length, with the opcode for lengths of 1, 4 and 8 bytes.
    fn counted(&mut self, bytes: &[u8], [short, long, longer]: [u8; 3]) {
        let len = bytes.len();
        let mut head = Vec::with_capacity(9);
        if let Ok(len) = u8::try_from(len) {
            head.extend([short, len]);
        } else if let Ok(len) = u32::try_from(len) {
            head.push(long);
            head.extend(len.to_le_bytes());
        } else {
            head.push(longer);
            head.extend((len as u64).to_le_bytes());
        }
        if len < FRAME_BYTES {
            self.frame.extend(head);
            self.frame.extend(bytes);
        } else {
            self.end_frame();
            self.out.extend(head);
            self.out.extend(bytes);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(place) = self.texts.get(text) {
            return self.recall(*place);
        }
        self.counted(text.as_bytes(), [0x8c, b'X', 0x8d]);
        let place = self.memoize();
        if text.len() <= SHARED_TEXT_BYTES_MAX {
            self.texts.insert(text.to_owned(), place);
        }
    }

    fn tuple(&mut self, items: &[Value]) {
        match items.len() {
            0 => return self.frame.push(b')'),
            len @ 1..=3 => {
                items.iter().for_each(|item| self.value(item));
                self.frame
                    .push([0x85, 0x86, 0x87].get(len - 1).copied().unwrap_or(b't'));
            }
            _ => {
                self.frame.push(b'(');
                items.iter().for_each(|item| self.value(item));
                self.frame.push(b't');
            }
        }
        self.memoize();
    }

    fn append(&mut self, items: &[Value]) {
        if let [item] = items {
            self.value(item);
            return self.frame.push(b'a');
        }
        for items in items.chunks(BATCH) {
            self.frame.push(b'(');
            items.iter().for_each(|item| self.value(item));
            self.frame.push(b'e');
        }
    }

    fn set_items(&mut self, entries: &[(Value, Value)]) {
        let is_one = entries.len() == 1;
        for entries in entries.chunks(BATCH) {
            if !is_one {
                self.frame.push(b'(');
            }
            for (key, value) in entries {
                self.value(key);
                self.value(value);
            }
            self.frame.push(if is_one { b's' } else { b'u' });
        }
    }

    fn global(&mut self, global: &Global) {
        if let Some(place) = self.globals.get(global) {
            return self.recall(*place);
        }
        self.text(&global.module);
        self.text(&global.name);
        self.frame.push(0x93);
        let place = self.memoize();
        self.globals.insert(global.clone(), place);
    }

    fn object(&mut self, object: &Object) {
        self.global(&object.class);
        self.tuple(&object.args);
        match object.construct {
            _ if !object.kwargs.is_empty() => {
                self.value(&Value::Dict(object.kwargs.clone()));
                self.frame.push(0x92);
            }
            Construct::New => self.frame.push(0x81),
            Construct::Call => self.frame.push(b'R'),
        }
        self.memoize();
        self.append(&object.items);
        self.set_items(&object.entries);
        if let Some(state) = &object.state {
            self.value(state);
            self.frame.push(b'b');
        }
    }
}
