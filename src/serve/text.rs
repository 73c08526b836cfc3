//! Configuration text: TOML whose every value knows where it stands, so that whatever is wrong with it is told with file,
//! line and key. It must not know what any key means.
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file of configuration.
#[derive(Debug)]
pub struct Source {
    pub file: PathBuf,
    pub text: String,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    /// From 1; none when it is about the whole file.
    pub line: Option<usize>,
    pub key: String,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no text.
    pub fn read(file: &Path) -> Result<Source, Fault> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!("cannot be read: {error}");
            Fault { file: file.into(), line: None, key: String::new(), message }
        })?;
        Ok(Source { file: file.into(), text })
    }

    /// Hands the whole text, as a table, to `read`; keys that it leaves are faults.
    ///
    /// # Errors
    /// What is no TOML, and what `read` finds.
    pub fn table<T>(&self, read: impl FnOnce(&mut Table<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let parsed = DeTable::parse(&self.text)
            .map_err(|error| self.fault(error.span().unwrap_or(0..0), String::new(), error.message()))?;
        let span = parsed.span();
        let mut table = Table::new(self, String::new(), span, parsed.get_ref());
        let read = read(&mut table)?;
        table.finish()?;
        Ok(read)
    }

    fn fault(&self, span: Range<usize>, key: String, message: impl Into<String>) -> Fault {
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Fault { file: self.file.clone(), line: Some(line), key, message: message.into() }
    }
}

/// A table that is being read.
pub struct Table<'a> {
    source: &'a Source,
    /// Its own key, with a dot behind it.
    prefix: String,
    span: Range<usize>,
    left: Vec<Entry<'a>>,
}

struct Entry<'a> {
    name: String,
    span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    fn new(source: &'a Source, prefix: String, span: Range<usize>, table: &'a DeTable<'a>) -> Table<'a> {
        let entry = |(name, value): (&'a Spanned<_>, &'a _)| {
            let text: &std::borrow::Cow<'_, str> = name.get_ref();
            Entry { name: text.to_string(), span: name.span(), value }
        };
        Table { source, prefix, span, left: table.iter().map(entry).collect() }
    }

    /// The value of a key, which counts as read.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.left.iter().position(|entry| entry.name == name)?;
        Some(self.value(at))
    }

    /// Any key that has not been read.
    pub fn next(&mut self) -> Option<(String, Value<'a>)> {
        let name = self.left.first()?.name.clone();
        Some((name, self.value(0)))
    }

    fn value(&mut self, at: usize) -> Value<'a> {
        let entry = self.left.remove(at);
        Value {
            source: self.source,
            key: format!("{}{}", self.prefix, entry.name),
            span: entry.span,
            value: entry.value,
        }
    }

    /// A fault of the table as a whole.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        self.source.fault(self.span.clone(), self.prefix.trim_end_matches('.').into(), message)
    }

    /// Every key must have been read.
    ///
    /// # Errors
    /// When one has not.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.left.first() {
            None => Ok(()),
            Some(entry) => {
                let key = format!("{}{}", self.prefix, entry.name);
                Err(self.source.fault(entry.span.clone(), key, "there is no such key"))
            }
        }
    }
}

/// A value that is being read, and its key.
pub struct Value<'a> {
    source: &'a Source,
    key: String,
    span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// Something is wrong with it.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        self.source.fault(self.span.clone(), self.key.clone(), message)
    }

    fn wanted(&self, what: &str) -> Fault {
        self.fault(format!("{what} is needed, not {}", self.value.get_ref().type_str()))
    }

    /// # Errors
    /// When it is no string.
    pub fn text(&self) -> Result<&'a str, Fault> {
        self.value.get_ref().as_str().ok_or_else(|| self.wanted("a string"))
    }

    /// # Errors
    /// When it is neither true nor false.
    pub fn flag(&self) -> Result<bool, Fault> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wanted("true or false"))
    }

    /// Whether it is `true` or `false`.
    pub fn is_flag(&self) -> bool {
        self.value.get_ref().is_bool()
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// # Errors
    /// When it is no whole number within this range.
    pub fn number(&self, range: std::ops::RangeInclusive<u64>) -> Result<u64, Fault> {
        let number = self.value.get_ref().as_integer().ok_or_else(|| self.wanted("a whole number"))?;
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| range.contains(number));
        number.ok_or_else(|| self.fault(format!("a number from {} to {} is needed", range.start(), range.end())))
    }

    /// A string read by `read`, or a number as the command line would take it.
    ///
    /// # Errors
    /// When `read` makes nothing of it.
    pub fn measure<T>(&self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        let value = self.value.get_ref();
        let text = value.as_str().or_else(|| value.as_integer().map(|number| number.as_str()));
        text.and_then(read).ok_or_else(|| self.fault(format!("{what} is needed")))
    }

    /// One string, or an array of them; each with its own place.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn texts(&self) -> Result<Vec<(&'a str, Value<'a>)>, Fault> {
        if let Some(text) = self.value.get_ref().as_str() {
            return Ok(vec![(text, self.at(self.value))]);
        }
        let list = self.value.get_ref().as_array().ok_or_else(|| self.wanted("a string or an array of strings"))?;
        let mut texts = Vec::new();
        for value in list.iter() {
            let value = self.at(value);
            texts.push((value.text()?, value));
        }
        Ok(texts)
    }

    fn at(&self, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        Value { source: self.source, key: self.key.clone(), span: value.span(), value }
    }

    /// Hands it, as a table, to `read`; keys that it leaves are faults.
    ///
    /// # Errors
    /// When it is no table, and what `read` finds.
    pub fn table<T>(&self, read: impl FnOnce(&mut Table<'a>) -> Result<T, Fault>) -> Result<T, Fault> {
        let inner = self.value.get_ref().as_table().ok_or_else(|| self.wanted("a table"))?;
        let mut table = Table::new(self.source, format!("{}.", self.key), self.span.clone(), inner);
        let read = read(&mut table)?;
        table.finish()?;
        Ok(read)
    }
}
