//! A module with the questions of `pauses.rs` written into its code: each looks at the beat, a word that the host's ticker sets,
//! and calls the host when it is set. The beat is in a memory that only this code names: the module was found valid without. It
//! must not know where the questions stand, nor who answers.
//!
//! wasmtime's own epochs ask at each function's entry and keep two values alive through it: measured, they cost a script a quarter
//! more than this does (docs/performance.md).
use super::pauses::{Pauses, pauses};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, BranchHint, BranchHints, CodeSection, EntityType, Function, ImportSection, MemArg, MemorySection,
    MemoryType, Module, SectionId, TypeSection,
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, ImportSectionReader, KnownCustom, MemorySectionReader,
    Parser, Payload, TypeSectionReader, Validator, WasmFeatures,
};

/// What the code calls when its slice is over, and may not import itself.
pub(super) const MODULE: &str = "skep:slices";
pub(super) const PAUSE: &str = "pause";

/// Raised when the same module would be woven in another way.
pub(super) const VERSION: u32 = 3;

/// The beat's memory, beside the guest's own.
const BEAT: u32 = 1;

/// What a module has before.
#[derive(Default)]
struct Counts {
    types: u32,
    imported: u32,
    functions: u32,
    memories: u32,
}

/// Writes the questions into a module that may use these features.
///
/// # Errors
/// When the module is not valid.
pub(super) fn weave(wasm: &[u8], features: WasmFeatures) -> Result<Vec<u8>> {
    Validator::new_with_features(features).validate_all(wasm).context("the guest cannot be compiled")?;
    let (counts, bodies) = look(wasm)?;
    ensure!(counts.memories <= 1, "the guest has several memories");
    let pauses = pauses(&bodies, counts.imported)?;
    let mut weaver = Weaver { counts, hints: BranchHints::new(), code: CodeSection::new(), has: Has::default() };
    for (body, pauses) in bodies.iter().zip(&pauses) {
        weaver.function(body, pauses).map_err(told)?;
    }
    let mut module = Module::new();
    weaver.parse_core_module(&mut module, Parser::new(0), wasm).map_err(told)?;
    Ok(module.finish())
}

fn told(error: Error) -> anyhow::Error {
    anyhow!("the guest cannot be made to yield: {error}")
}

fn look(wasm: &[u8]) -> Result<(Counts, Vec<FunctionBody<'_>>)> {
    let (mut counts, mut bodies) = (Counts::default(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                // A group of types has several.
                counts.types = section.into_iter_err_on_gc_types().count() as u32;
            }
            Payload::ImportSection(section) => {
                counts.imported = section.into_imports().count() as u32;
            }
            Payload::FunctionSection(section) => counts.functions = section.count(),
            Payload::MemorySection(section) => counts.memories = section.count(),
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    Ok((counts, bodies))
}

/// Which of the sections that get something more have been written.
#[derive(Default)]
struct Has {
    types: bool,
    imports: bool,
    memories: bool,
}

struct Weaver {
    counts: Counts,
    hints: BranchHints,
    code: CodeSection,
    has: Has,
}

impl Weaver {
    /// The index of the host's call: behind the imports that were there.
    fn pause(&self) -> u32 {
        self.counts.imported
    }

    fn ty(&mut self, types: &mut TypeSection) {
        self.has.types = true;
        types.ty().function([], []);
    }

    /// The beat's memory is the second, also of a module that had none.
    fn memory(&mut self, memories: &mut MemorySection) {
        self.has.memories = true;
        for pages in if self.counts.memories == 0 { &[0, 1][..] } else { &[1] } {
            let (minimum, maximum) = (*pages, Some(*pages));
            memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
        }
    }

    fn import(&mut self, imports: &mut ImportSection) {
        self.has.imports = true;
        imports.import(MODULE, PAUSE, EntityType::Function(self.counts.types));
    }

    fn function(&mut self, body: &FunctionBody<'_>, pauses: &Pauses) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(body)?;
        let mut hints = Vec::new();
        if pauses.at_entry {
            hints.push(self.ask(&mut function));
        }
        let mut next = pauses.before.iter().peekable();
        let mut reader = body.get_operators_reader()?;
        for at in 0_u32.. {
            if reader.eof() {
                break;
            }
            if next.next_if_eq(&&at).is_some() {
                hints.push(self.ask(&mut function));
            }
            function.instruction(&self.parse_instruction(&mut reader)?);
        }
        let index = self.pause() + 1 + self.code.len();
        if !hints.is_empty() {
            self.hints.function_hints(index, hints);
        }
        self.code.function(&function);
        Ok(())
    }

    /// Answers where the branch stands that is hardly ever taken.
    fn ask(&self, function: &mut Function) -> BranchHint {
        let beat = MemArg { offset: 0, align: 2, memory_index: BEAT };
        function.instructions().i32_const(0).i32_load(beat);
        let branch_func_offset = function.byte_len() as u32;
        function.instructions().if_(BlockType::Empty).call(self.pause()).end();
        BranchHint { branch_func_offset, branch_hint_value: 0 }
    }
}

impl Reencode for Weaver {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(if index < self.counts.imported { index } else { index + 1 })
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        self.ty(types);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_import_section(self, imports, section)?;
        self.import(imports);
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: MemorySectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_memory_section(self, memories, section)?;
        self.memory(memories);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, _section: CodeSectionReader<'_>) -> Result<(), Error> {
        *code = std::mem::take(&mut self.code);
        Ok(())
    }

    /// Names are kept, for backtraces; hints of the module's own are about other places.
    fn parse_custom_section(&mut self, module: &mut Module, section: CustomSectionReader<'_>) -> Result<(), Error> {
        match section.as_known() {
            KnownCustom::Name(_) => utils::parse_custom_section(self, module, section),
            _ => Ok(()),
        }
    }

    /// Sections that the module has none of, each in its place; hints come before the code.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        let is_past = |section: SectionId| before.is_none_or(|before| order(before) > order(section));
        if !self.has.types && is_past(SectionId::Type) {
            let mut types = TypeSection::new();
            self.ty(&mut types);
            module.section(&types);
        }
        if !self.has.imports && is_past(SectionId::Import) {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
        }
        if !self.has.memories && is_past(SectionId::Memory) {
            let mut memories = MemorySection::new();
            self.memory(&mut memories);
            module.section(&memories);
        }
        if before == Some(SectionId::Code) && !self.hints.is_empty() {
            module.section(&self.hints);
        }
        Ok(())
    }
}

/// Where a section stands among the others (the standard's order, which is not that of the numbers).
fn order(section: SectionId) -> u8 {
    match section {
        SectionId::DataCount => SectionId::Element as u8 * 2 + 1,
        section => section as u8 * 2,
    }
}
