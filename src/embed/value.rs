//! What goes into a call and what comes out: JSON or bytes, and the ways in which a call fails. It must not know who calls.
use serde_json::Value as Json;
use skep_abi::value::BYTES;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// A value that a guest is given, or gives.
///
/// Whatever JSON can say is JSON; a `Uint8Array` or `ArrayBuffer` in JavaScript is bytes here, and bytes are a `Buffer`
/// there.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Json(Json),
    Bytes(Vec<u8>),
}

impl Value {
    /// The JSON; none of bytes.
    pub fn as_json(&self) -> Option<&Json> {
        match self {
            Value::Json(json) => Some(json),
            Value::Bytes(_) => None,
        }
    }

    /// The bytes; none of JSON.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Json(_) => None,
        }
    }

    /// Flags and bytes as they travel.
    pub(super) fn pack(&self) -> (u16, Cow<'_, [u8]>) {
        match self {
            Value::Json(json) => (0, Cow::Owned(json.to_string().into_bytes())),
            Value::Bytes(bytes) => (BYTES, Cow::Borrowed(bytes)),
        }
    }

    pub(super) fn unpack(flags: u16, bytes: Vec<u8>) -> Result<Value, CallError> {
        if flags & BYTES != 0 {
            return Ok(Value::Bytes(bytes));
        }
        serde_json::from_slice(&bytes).map(Value::Json).map_err(|error| CallError::NoValue(error.to_string()))
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Value {
        Value::Json(json)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// The guest threw.
    Threw(Thrown),
    /// The time that the policy gives a call was over while the guest waited for something. It lives on.
    Late,
    /// The guest has ended: before, or because of this call. The text says how.
    Ended(String),
    /// The guest gave something back that is no value.
    NoValue(String),
    /// The guest holds as many handles as it may.
    TooMany,
}

/// What a guest has thrown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thrown {
    /// `TypeError`...
    pub name: String,
    pub message: String,
    /// With the place: as JavaScript has it.
    pub stack: String,
}

impl Thrown {
    /// From the JSON of a failed answer. A guest may say anything there.
    pub(super) fn of(bytes: &[u8]) -> Thrown {
        let json: Json = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        Thrown { name: text("name"), message: text("message"), stack: text("stack") }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Threw(thrown) => write!(f, "{}: {}", thrown.name, thrown.message),
            CallError::Late => f.write_str("the guest did not answer in time"),
            CallError::Ended(how) => write!(f, "the guest has ended: {how}"),
            CallError::NoValue(why) => write!(f, "the guest answered with what is no value: {why}"),
            CallError::TooMany => f.write_str("the guest holds as many handles as it may"),
        }
    }
}

impl Error for CallError {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_travel() {
        for value in [Value::from(json!({"a": [1, null, "ü"]})), Value::from(vec![0, 255]), Value::from(json!(null))] {
            let (flags, bytes) = value.pack();
            assert_eq!(Value::unpack(flags, bytes.into_owned()), Ok(value));
        }
        assert!(matches!(Value::unpack(0, b"{".to_vec()), Err(CallError::NoValue(_))));
        assert!(matches!(Value::unpack(0, vec![0xff]), Err(CallError::NoValue(_))));
    }

    #[test]
    fn whatever_was_thrown_is_an_error() {
        for bytes in [&b""[..], b"[]", b"1", b"{\"name\":1}", b"\xff"] {
            assert_eq!(Thrown::of(bytes), Thrown::default());
        }
        assert_eq!(Thrown::of(b"{\"name\":\"E\",\"message\":\"m\"}").message, "m");
    }
}
