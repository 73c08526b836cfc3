//! W3C Trace Context's `traceparent`: which trace a request is part of. It must not know where ids come from.

/// A trace, and the span in it that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    pub flags: u8,
}

impl Traceparent {
    /// Reads a field's value; none when it is not exactly one.
    pub fn read(value: &[u8]) -> Option<Traceparent> {
        let (version, rest) = (hex::<1>(value.get(..2)?)?[0], value.get(55..)?);
        let dashes = [2, 35, 52].iter().all(|at| value[*at] == b'-');
        // Later versions may say more behind what this one says.
        let ends = rest.is_empty() || (version > 0 && rest[0] == b'-');
        let read =
            Traceparent { trace: hex(&value[3..35])?, span: hex(&value[36..52])?, flags: hex::<1>(&value[53..55])?[0] };
        let whole = read.trace != [0; 16] && read.span != [0; 8];
        (dashes && ends && version != 0xff && whole).then_some(read)
    }

    /// As version 0 writes it; of its flags only whether it is sampled.
    pub fn text(&self) -> String {
        format!("00-{}-{}-{:02x}", text(&self.trace), text(&self.span), self.flags & 1)
    }
}

/// Bytes as small hexadecimal digits.
pub fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Small digits only, as the specification has it.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, two) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(two[0])? << 4 | digit(two[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_is_read_and_written_and_all_else_is_none() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read = Traceparent::read(good.as_bytes()).expect("it is one");
        assert_eq!((read.text().as_str(), read.flags), (good, 1));
        let later = format!("cc{}-what-the-future", &good[2..]);
        assert_eq!(Traceparent::read(later.as_bytes()), Some(read));
        let bad = [
            String::new(),
            good[..54].into(),
            format!("{good}-"),
            format!("{good}x"),
            format!("ff{}", &good[2..]),
            format!("cc{}x", &good[2..]),
            good.replace("4bf9", "4BF9"),
            good.replace("-00f0", "_00f0"),
            good.replace("00f067aa0ba902b7", "0000000000000000"),
            good.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            good.replace("b7-01", "b7-0g"),
            " ".repeat(55),
        ];
        for text in bad {
            assert_eq!(Traceparent::read(text.as_bytes()), None, "{text:?}");
        }
        for at in 0..good.len() {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] = 0xc3;
            assert_eq!(Traceparent::read(&bytes), None, "byte {at}");
        }
    }
}
