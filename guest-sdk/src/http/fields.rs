//! Header fields as they are sent: lines of `Name: value`, checked here so that no message is laid into another. It must
//! not know which message they are of.

use crate::{Error, Result};
use skep_abi::errno::EINVAL;

/// Fields of one message, and whether one was given that cannot be sent.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub lines: Vec<u8>,
    pub invalid: bool,
}

impl Fields {
    /// The lines of all of these.
    pub fn all(fields: &[(&str, &str)]) -> Result<Vec<u8>> {
        let mut all = Fields::default();
        fields.iter().for_each(|(name, value)| all.push(name, value.as_bytes()));
        if all.invalid {
            return Err(Error::from_errno(EINVAL));
        }
        Ok(all.lines)
    }

    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.invalid |= !is_token(name.as_bytes()) || !is_value(value);
        self.lines.extend_from_slice(name.as_bytes());
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
    }
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(name: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(token)
}

/// RFC 9110 section 5.5: anything but controls.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}
