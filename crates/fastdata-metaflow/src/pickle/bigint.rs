//! Integers of any length, as pickles have them.

use std::fmt;

/// An integer longer than 64 bits: two's complement, the least byte first, no byte too many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BigInt(Vec<u8>);

/// Longer ones are printed in hexadecimal digits: decimal ones cost time by the square.
const DECIMAL_BYTES_MAX: usize = 1 << 10;

impl BigInt {
    /// From two's complement bytes, the least first.
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        while let [.., before, last] = bytes.as_slice() {
            let is_padding = (*last == 0 && *before < 0x80) || (*last == 0xff && *before >= 0x80);
            if !is_padding {
                break;
            }
            bytes.pop();
        }
        Self(bytes)
    }

    /// The same bytes back.
    pub fn to_le_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As 128 bits, if it fits.
    pub fn to_i128(&self) -> Option<i128> {
        let fill = if self.is_negative() { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide.get_mut(..self.0.len())?.copy_from_slice(&self.0);
        Some(i128::from_le_bytes(wide))
    }

    /// As 128 bits without a sign, if it fits.
    pub fn to_u128(&self) -> Option<u128> {
        if self.is_negative() {
            return None;
        }
        let mut wide = [0; 17];
        wide.get_mut(..self.0.len())?.copy_from_slice(&self.0);
        let (low, _) = wide.split_first_chunk::<16>()?;
        (wide[16] == 0).then(|| u128::from_le_bytes(*low))
    }

    fn is_negative(&self) -> bool {
        self.0.last().is_some_and(|last| *last >= 0x80)
    }

    /// From decimal digits with a sign perhaps; `None` for anything else, and for more than
    /// 10,000 digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || !is_decimal || digits.len() > 10_000 {
            return None;
        }
        let mut bytes = vec![0_u8];
        for digit in digits.bytes() {
            let mut carry = u16::from(digit - b'0');
            for byte in &mut bytes {
                let wide = u16::from(*byte) * 10 + carry;
                [*byte, _] = wide.to_le_bytes();
                carry = wide >> 8;
            }
            if carry > 0 {
                bytes.extend(carry.to_le_bytes().first());
            }
        }
        bytes.push(0);
        if is_negative {
            bytes = negated(&bytes);
        }
        Some(Self::from_le_bytes(&bytes))
    }
}

fn negated(bytes: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let negate = |byte: &u8| {
        let (value, overflow) = (!byte).overflowing_add(u8::from(carry));
        carry = overflow;
        value
    };
    bytes.iter().map(negate).collect()
}

impl From<i128> for BigInt {
    fn from(int: i128) -> Self {
        Self::from_le_bytes(&int.to_le_bytes())
    }
}

impl From<u128> for BigInt {
    fn from(int: u128) -> Self {
        let mut wide = [0; 17];
        for (byte, value) in wide.iter_mut().zip(int.to_le_bytes()) {
            *byte = value;
        }
        Self::from_le_bytes(&wide)
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut magnitude = match self.is_negative() {
            // One more byte, as the least number has no positive twin of the same length.
            true => negated(&[self.0.as_slice(), &[0xff]].concat()),
            false => self.0.clone(),
        };
        let sign = if self.is_negative() { "-" } else { "" };
        if magnitude.len() > DECIMAL_BYTES_MAX {
            write!(f, "{sign}0x")?;
            return magnitude
                .iter()
                .rev()
                .try_for_each(|byte| write!(f, "{byte:02x}"));
        }
        let mut digits = Vec::new();
        while magnitude.iter().any(|byte| *byte != 0) {
            let mut rest = 0_u16;
            for byte in magnitude.iter_mut().rev() {
                let wide = (rest << 8) | u16::from(*byte);
                [*byte, _] = (wide / 10).to_le_bytes();
                rest = wide % 10;
            }
            let [rest, _] = rest.to_le_bytes();
            digits.push(b'0' + rest);
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        write!(f, "{sign}{}", String::from_utf8_lossy(&digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_machine_counts() {
        for int in [
            0,
            1,
            -1,
            255,
            256,
            -256,
            i128::MAX,
            i128::MIN,
            1 << 100,
            -(1 << 99),
        ] {
            let big = BigInt::from(int);
            assert_eq!(big.to_string(), int.to_string());
            assert_eq!(big.to_i128(), Some(int));
            assert_eq!(BigInt::parse(&int.to_string()), Some(big));
        }
        let most = BigInt::from(u128::MAX);
        assert_eq!((most.to_u128(), most.to_i128()), (Some(u128::MAX), None));
        assert_eq!(most.to_string(), u128::MAX.to_string());
        assert_eq!(BigInt::from(-1_i128).to_u128(), None);
        assert_eq!(BigInt::parse("12x"), None);
    }
}
