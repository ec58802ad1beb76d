//! Values as text: for people, as separated values and as JSON.

mod grid;
mod json;
mod printer;
mod separated;
mod zone;

pub use grid::{Grid, cells};
pub use json::{Encoding, Encodings, key as json_key};
pub use printer::Printer;
pub use separated::Separated;
pub use zone::in_utc;
