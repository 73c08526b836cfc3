//! The guest's start record: as much of JSON as it takes to find words and variables in it. It must not know which
//! are asked for.

/// A value of the start record.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// A whole number.
    Number(i64),
    /// A truth value, another number or nothing: not asked for here.
    Other,
}

impl Value {
    pub fn parse(text: &[u8]) -> Option<Value> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        reader.value()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// A member of a JSON object as it is written there, however deep it is; none when there is none, or the text is no object.
pub(crate) fn raw_member<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.take(b'{')?;
    loop {
        let key = reader.string()?;
        reader.take(b':')?;
        reader.peek()?;
        let start = reader.at;
        reader.skip()?;
        if key == name {
            return text.get(start..reader.at);
        }
        reader.take(b',')?;
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn value(&mut self) -> Option<Value> {
        // The host's record is flat; anything deep is not one.
        self.depth += 1;
        if self.depth > 16 {
            return None;
        }
        let value = match self.peek()? {
            b'"' => Value::Text(self.string()?),
            b'[' => Value::List(self.list()?),
            b'{' => Value::Map(self.map()?),
            _ => {
                let start = self.at;
                self.skip()?;
                let word = std::str::from_utf8(self.text.get(start..self.at)?).ok()?;
                word.trim().parse().map_or(Value::Other, Value::Number)
            }
        };
        self.depth -= 1;
        Some(value)
    }

    /// Goes past a value of any depth; what it is made of is not looked at.
    fn skip(&mut self) -> Option<()> {
        let (mut depth, start) = (0u32, self.at);
        loop {
            match self.text.get(self.at) {
                None => return if depth == 0 && self.at > start { Some(()) } else { None },
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']' | b',') if depth == 0 => return Some(()),
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
    }

    fn list(&mut self) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        self.take(b'[')?;
        while self.peek()? != b']' {
            values.push(self.value()?);
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.take(b']')?;
        Some(values)
    }

    fn map(&mut self) -> Option<Vec<(String, Value)>> {
        let mut entries = Vec::new();
        self.take(b'{')?;
        while self.peek()? != b'}' {
            let key = self.string()?;
            self.take(b':')?;
            entries.push((key, self.value()?));
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.take(b'}')?;
        Some(entries)
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                b'\\' => self.escape(&mut bytes)?,
                _ => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        let plain = match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let high = self.unit()?;
                let pair = (0xd800..0xdc00).contains(&high) && self.text.get(self.at..self.at + 2) == Some(b"\\u");
                let code = if pair {
                    self.at += 2;
                    0x10000 + ((high - 0xd800) << 10) + (self.unit()?.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    high
                };
                let letter = char::from_u32(code).unwrap_or('\u{fffd}');
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            other => other,
        };
        bytes.push(plain);
        Some(())
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{raw_member, Value};

    #[test]
    fn a_member_is_found_as_it_is_written() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let text =
            format!("{{\"a\": {{\"message\": 1}}, \"message\": {{\"x\":\"}},\\\"{{\",\"y\":{}}} , \"to\": -12}}", deep);
        let found = raw_member(text.as_bytes(), "message").and_then(|text| std::str::from_utf8(text).ok());
        assert_eq!(found.map(str::trim), Some(format!("{{\"x\":\"}},\\\"{{\",\"y\":{}}}", deep).as_str()));
        assert_eq!(raw_member(text.as_bytes(), "to"), Some(&b"-12"[..]));
        assert_eq!(Value::parse(b"{\"a\":-12,\"b\":1.5}").and_then(|it| it.get("a")?.number()), Some(-12));
        for end in 0..text.len() {
            let _any = raw_member(&text.as_bytes()[..end], "nothing");
        }
        assert!(raw_member(b"[]", "a").is_none() && raw_member(b"{\"a\":", "a").is_none());
    }

    #[test]
    fn the_host_s_record_is_read() {
        let text = br#"{"argv": ["skep", "/a \"b\"\n\u00e9\ud83d\ude00"], "env": {"A": "1"}, "pid": 12, "main": null, "tty": [false, true]}"#;
        let info = Value::parse(text).expect("this is JSON");
        let Some(Value::List(argv)) = info.get("argv") else { panic!("argv is a list") };
        assert_eq!(argv[1].text(), Some("/a \"b\"\n\u{e9}\u{1f600}"));
        assert_eq!(info.get("env").and_then(|env| env.get("A")).and_then(Value::text), Some("1"));
    }

    #[test]
    fn what_is_cut_short_or_deep_is_nothing() {
        let text = br#"{"argv": ["skep", "x"]}"#;
        for end in 0..text.len() {
            assert!(Value::parse(&text[..end]).is_none());
        }
        assert!(Value::parse("[".repeat(1000).as_bytes()).is_none());
    }
}
