//! A guest's Wasm file, checked and taken apart before anything is compiled: the *base* (code without
//! data segments, which one compilation serves every image) and the content its memory starts with. It must not
//! know wasmtime's store nor how memory is mapped.
//!
//! What an image cannot carry is refused here, by name: a start function, several memories, tables
//! that change, globals that hold references, data segments that code refers to.
use anyhow::{Context as _, Result, bail, ensure};
use skep_abi::exports;
use std::ops::Range;
use wasmparser::{
    BinaryReader, CustomSectionReader, DataKind, DataSectionReader, Export, ExportSectionReader, ExternalKind,
    FunctionBody, FunctionSectionReader, GlobalSectionReader, ImportSectionReader, MemorySectionReader, Operator,
    Parser, Payload, TableSectionReader, TypeRef, TypeSectionReader, ValType,
};

/// Bytes of the largest Wasm file that is looked at.
pub const WASM_BYTES: usize = 64 << 20;

/// Bounds on what the compiler is given: its time and memory grow faster than the code does (row W01). Each is several times
/// what the JavaScript engine has, the largest guest we know.
const FUNCTION_BYTES: usize = 1 << 20;
const FUNCTIONS: usize = 50_000;
const TYPES: u32 = 10_000;
const LOCALS: u64 = 10_000;
/// Blocks within each other.
const NESTING: u32 = 10_000;
/// Targets of all `br_table` of one function.
const TARGETS: u32 = 50_000;

/// Custom section with the modules of a library: `{u32 name_len, name, u32 text_len, text}*`.
const LIBRARY: &str = "skep.lib";

/// Exports that we add so that mutable globals can be captured: prefix and index.
pub(super) const GLOBAL_EXPORT: &str = "skep:global:";

const PAGE: u64 = 64 << 10;

/// A guest's file, taken apart.
#[derive(Debug)]
pub struct Parts {
    /// The module without data segments, library and other custom sections (but `name`).
    pub base: Vec<u8>,
    /// Active data segments: address, and where the bytes stand in the file.
    pub segments: Vec<(u32, Range<usize>)>,
    /// Bytes of memory at the start.
    pub memory_bytes: u64,
    /// The library: names and texts, as ranges in the file.
    pub library: Vec<(Range<usize>, Range<usize>)>,
}

/// What the walk over the sections collects.
#[derive(Default)]
struct Walk {
    base: Vec<u8>,
    segments: Vec<(u32, Range<usize>)>,
    memory_bytes: Option<u64>,
    library: Vec<(Range<usize>, Range<usize>)>,
    /// Whether parameters and results of each type are i32 alone, and how many of each there are.
    types: Vec<Option<(usize, usize)>>,
    /// The type of each function, imports first.
    functions: Vec<u32>,
    /// Indexes of mutable globals, imports counted.
    mutable: Vec<u32>,
    exports: Vec<u8>,
    export_count: u32,
    exports_written: bool,
}

/// Takes a file apart.
///
/// # Errors
/// Names what is wrong with the file, or what an image could not carry.
pub fn take_apart(wasm: &[u8]) -> Result<Parts> {
    ensure!(wasm.len() <= WASM_BYTES, "the guest's file has {} bytes; at most {WASM_BYTES} are taken", wasm.len());
    ensure!(wasm.starts_with(b"\0asm"), "this is not a WebAssembly module");
    let mut walk = Walk { base: b"\0asm\x01\0\0\0".to_vec(), ..Walk::default() };
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("this is not a well-formed WebAssembly module")?;
        walk.section(wasm, payload)?;
    }
    walk.write_exports();
    let memory_bytes = walk.memory_bytes.context("the guest has no memory of its own")?;
    for (address, range) in &walk.segments {
        let end = u64::from(*address) + range.len() as u64;
        ensure!(end <= memory_bytes, "a data segment at {address} does not fit into the memory");
    }
    Ok(Parts { base: walk.base, segments: walk.segments, memory_bytes, library: walk.library })
}

impl Walk {
    fn section(&mut self, wasm: &[u8], payload: Payload<'_>) -> Result<()> {
        match &payload {
            Payload::CustomSection(section) => return self.custom(wasm, section),
            Payload::CodeSectionEntry(body) => return bounded(body, carried_by_images),
            Payload::StartSection { .. } => {
                bail!("the guest has a start function; export `_initialize` instead")
            }
            Payload::TypeSection(section) => self.types(section.clone())?,
            Payload::ImportSection(section) => self.imports(section.clone())?,
            Payload::FunctionSection(section) => self.functions(section.clone())?,
            Payload::TableSection(section) => check_tables(section.clone())?,
            Payload::MemorySection(section) => self.memory(section.clone())?,
            Payload::GlobalSection(section) => self.globals(section.clone())?,
            Payload::ExportSection(section) => return self.exports(wasm, section.clone()),
            Payload::DataSection(section) => return self.data(section.clone()),
            Payload::DataCountSection { .. } => return Ok(()),
            _ => {}
        }
        let Some((id, range)) = payload.as_section() else {
            return Ok(());
        };
        // The section of exports (7) comes before those of elements (9) and code (10), also when the guest has none.
        if matches!(id, 9 | 10) {
            self.write_exports();
        }
        let content = wasm.get(range).context("this module is cut short")?;
        self.copy(id, content);
        Ok(())
    }

    fn types(&mut self, section: TypeSectionReader<'_>) -> Result<()> {
        few_types(section.count())?;
        for ty in section.into_iter_err_on_gc_types() {
            let ty = ty.context("the guest has a type that is no function's")?;
            let plain = ty.params().iter().chain(ty.results()).all(|ty| *ty == ValType::I32);
            self.types.push(plain.then(|| (ty.params().len(), ty.results().len())));
        }
        Ok(())
    }

    /// Only functions, and only those that this host has.
    fn imports(&mut self, section: ImportSectionReader<'_>) -> Result<()> {
        for import in section.into_imports() {
            let import = import?;
            let name = format!("{}.{}", import.module, import.name);
            let TypeRef::Func(ty) = import.ty else { bail!("the guest imports {name}, which is not a function") };
            let known = super::imports::has(import.module, import.name);
            ensure!(known, "the guest imports {name}, which this host does not have");
            self.functions.push(ty);
        }
        Ok(())
    }

    fn functions(&mut self, section: FunctionSectionReader<'_>) -> Result<()> {
        few_functions(section.count())?;
        for ty in section {
            self.functions.push(ty?);
        }
        Ok(())
    }

    /// What the host looks up must be there, and be what it says; told before anything is compiled.
    fn check_export(&self, export: &Export<'_>) -> Result<()> {
        let wanted = match export.name {
            exports::ABI => (0, 1),
            exports::ON_EVENTS => (1, 1),
            exports::INITIALIZE => (0, 0),
            _ => return Ok(()),
        };
        let ty = self.functions.get(export.index as usize).and_then(|ty| self.types.get(*ty as usize));
        let fits = export.kind == ExternalKind::Func && ty == Some(&Some(wanted));
        ensure!(fits, "the guest's export `{}` is of a wrong type", export.name);
        Ok(())
    }

    fn copy(&mut self, id: u8, content: &[u8]) {
        self.base.push(id);
        leb(&mut self.base, content.len() as u64);
        self.base.extend_from_slice(content);
    }

    fn custom(&mut self, wasm: &[u8], section: &CustomSectionReader<'_>) -> Result<()> {
        match section.name() {
            LIBRARY => self.library(wasm, section.data_offset()..section.range().end)?,
            // Names are kept for backtraces; their place is the end.
            "name" if self.exports_written => self.copy(0, &wasm[section.range()]),
            _ => {}
        }
        Ok(())
    }

    fn library(&mut self, wasm: &[u8], range: Range<usize>) -> Result<()> {
        let mut reader = BinaryReader::new(&wasm[range.clone()], range.start);
        let mut text = || -> Result<Range<usize>> {
            let len = reader.read_u32().context("the section skep.lib is cut short")? as usize;
            let start = reader.original_position();
            reader.read_bytes(len).context("the section skep.lib is cut short")?;
            Ok(start..start + len)
        };
        let mut at = range.start;
        while at < range.end {
            let entry = (text()?, text()?);
            at = entry.1.end;
            self.library.push(entry);
        }
        Ok(())
    }

    fn memory(&mut self, section: MemorySectionReader<'_>) -> Result<()> {
        for memory in section {
            let memory = memory?;
            ensure!(self.memory_bytes.is_none(), "the guest has more than one memory");
            ensure!(!memory.memory64 && !memory.shared, "the guest's memory is shared or has 64-bit addresses");
            self.memory_bytes = Some(memory.initial * PAGE);
        }
        Ok(())
    }

    fn globals(&mut self, section: GlobalSectionReader<'_>) -> Result<()> {
        for (index, global) in section.into_iter().enumerate() {
            let global = global?.ty;
            if !global.mutable {
                continue;
            }
            match global.content_type {
                ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => self.mutable.push(index as u32),
                other => bail!("the guest has a mutable global of type {other}"),
            }
        }
        Ok(())
    }

    fn exports(&mut self, wasm: &[u8], section: ExportSectionReader<'_>) -> Result<()> {
        for export in section.clone() {
            let export = export?;
            self.check_export(&export)?;
            ensure!(!export.name.starts_with(GLOBAL_EXPORT), "the guest exports the reserved name {}", export.name);
            if export.kind == ExternalKind::Memory {
                ensure!(export.name == "memory", "the guest exports its memory as {}", export.name);
            }
        }
        self.export_count = section.count();
        let range = section.range();
        let start = range.end - section.range().len();
        let mut reader = BinaryReader::new(&wasm[start..range.end], start);
        reader.read_var_u32()?;
        self.exports = wasm[reader.original_position()..range.end].to_vec();
        Ok(())
    }

    /// The guest's exports, and one for each mutable global.
    fn write_exports(&mut self) {
        if std::mem::replace(&mut self.exports_written, true) {
            return;
        }
        let mut content = Vec::new();
        leb(&mut content, u64::from(self.export_count) + self.mutable.len() as u64);
        content.extend_from_slice(&self.exports);
        for index in &self.mutable {
            let name = format!("{GLOBAL_EXPORT}{index}");
            leb(&mut content, name.len() as u64);
            content.extend_from_slice(name.as_bytes());
            content.push(3);
            leb(&mut content, u64::from(*index));
        }
        self.copy(7, &content);
    }

    fn data(&mut self, section: DataSectionReader<'_>) -> Result<()> {
        for segment in section {
            let segment = segment?;
            let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else {
                bail!("the guest has a data segment that is not placed at start");
            };
            let mut operators = offset_expr.get_operators_reader();
            let Operator::I32Const { value } = operators.read()? else {
                bail!("the guest has a data segment at an address that is not a constant");
            };
            let end = segment.range.end;
            self.segments.push((value as u32, end - segment.data.len()..end));
        }
        Ok(())
    }
}

fn check_tables(section: TableSectionReader<'_>) -> Result<()> {
    for table in section {
        ensure!(!table?.ty.table64, "the guest has a table with 64-bit indexes");
    }
    Ok(())
}

pub(super) fn few_types(count: u32) -> Result<()> {
    ensure!(count <= TYPES, "the guest has more than {TYPES} types");
    Ok(())
}

pub(super) fn few_functions(count: u32) -> Result<()> {
    ensure!(count as usize <= FUNCTIONS, "the guest has more than {FUNCTIONS} functions");
    Ok(())
}

/// Refuses what would keep the compiler for long, and whatever else the caller does not want.
pub(super) fn bounded(body: &FunctionBody<'_>, refuse: impl Fn(&Operator<'_>) -> Result<()>) -> Result<()> {
    ensure!(body.range().len() <= FUNCTION_BYTES, "the guest has a function of more than {FUNCTION_BYTES} bytes");
    let mut locals = 0;
    for local in body.get_locals_reader()? {
        locals += u64::from(local?.0);
    }
    ensure!(locals <= LOCALS, "the guest has a function with more than {LOCALS} locals");
    let (mut nesting, mut targets) = (0u32, 0u32);
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let operator = operators.read()?;
        refuse(&operator)?;
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                nesting += 1;
                ensure!(nesting <= NESTING, "the guest has more than {NESTING} blocks within each other");
            }
            Operator::End => nesting = nesting.saturating_sub(1),
            Operator::BrTable { targets: table } => {
                targets = targets.saturating_add(table.len());
                ensure!(targets <= TARGETS, "the guest has a function with more than {TARGETS} targets of br_table");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses what would make a guest more than its memory and its globals.
fn carried_by_images(operator: &Operator<'_>) -> Result<()> {
    match operator {
        Operator::MemoryInit { .. } | Operator::DataDrop { .. } => {
            bail!("the guest's code refers to data segments (memory.init, data.drop)")
        }
        Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. }
        | Operator::ElemDrop { .. } => {
            bail!("the guest's code changes its tables; an image could not carry that")
        }
        _ => Ok(()),
    }
}

/// Where the library's section stands in a file, its head included; none in a file without one.
pub(super) fn library_range(wasm: &[u8]) -> Option<Range<usize>> {
    let mut at = 8;
    while at < wasm.len() {
        let start = at;
        let mut reader = BinaryReader::new(&wasm[at + 1..], at + 1);
        let len = reader.read_var_u32().ok()? as usize;
        let content = reader.original_position();
        at = content.checked_add(len).filter(|end| *end <= wasm.len())?;
        let name = BinaryReader::new(&wasm[content..at], content).read_string();
        if wasm[start] == 0 && name.is_ok_and(|name| name == LIBRARY) {
            return Some(start..at);
        }
    }
    None
}

fn leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
