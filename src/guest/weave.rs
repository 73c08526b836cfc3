//! A module with the questions of `pauses.rs` written into its code: each looks at the beat, a word that the host sets when time has passed,
//! and tells the host when it is set. It must not know where the questions stand, nor who answers.
//!
//! The beat lies beyond what a guest's memory can ever hold ([`BEAT_AT`]), where writing traps; and the host is told by asking it for
//! more memory than there is. So a question needs no import, no memory and no register of its own: it is a load from a place that
//! an instruction can name, and a call that is hardly ever made and keeps what the code around it has in registers.
//! wasmtime's own epochs ask at each function's entry and keep two values alive through it (docs/performance.md).
use super::image::BEAT_AT;
use super::pauses::{Pauses, pauses};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, BranchHint, BranchHints, CodeSection, Function, MemArg, MemorySection, MemoryType, Module, SectionId,
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, KnownCustom, Parser, Payload, Validator, WasmFeatures,
};

/// Raised when the same module would be woven in another way.
pub(super) const VERSION: u32 = 5;

/// Bytes of a page of Wasm's.
const PAGE: u64 = 64 << 10;

/// Whether a memory of `now` bytes that is asked to grow to `wanted` is asked by a question: nothing is gained by asking so oneself.
pub(super) fn is_question(now: usize, wanted: usize) -> bool {
    wanted as u64 - now as u64 == u64::from(MORE_THAN_THERE_IS as u32) * PAGE
}

const MORE_THAN_THERE_IS: i32 = -1;

/// What a module has before.
#[derive(Default)]
struct Counts {
    imported: u32,
    memories: u32,
}

/// Writes the questions into a module that may use these features.
///
/// # Errors
/// When the module is not valid.
pub(super) fn weave(wasm: &[u8], features: WasmFeatures) -> Result<Vec<u8>> {
    Validator::new_with_features(features).validate_all(wasm).context("the guest cannot be compiled")?;
    let (counts, bodies) = look(wasm)?;
    let pauses = pauses(&bodies, counts.imported)?;
    let mut weaver = Weaver { counts, hints: BranchHints::new(), code: CodeSection::new() };
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
            Payload::ImportSection(section) => {
                counts.imported = section.into_imports().count() as u32;
            }
            Payload::MemorySection(section) => {
                counts.memories = section.count();
                for memory in section {
                    // The compiler would take a question for a trap.
                    ensure!(memory?.maximum != Some(0), "the guest's memory may never hold anything");
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    Ok((counts, bodies))
}

struct Weaver {
    counts: Counts,
    hints: BranchHints,
    code: CodeSection,
}

impl Weaver {
    fn function(&mut self, body: &FunctionBody<'_>, pauses: &Pauses) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(body)?;
        let mut hints = Vec::new();
        if pauses.at_entry {
            hints.push(ask(&mut function));
        }
        let mut next = pauses.before.iter().peekable();
        let mut reader = body.get_operators_reader()?;
        for at in 0_u32.. {
            if reader.eof() {
                break;
            }
            if next.next_if_eq(&&at).is_some() {
                hints.push(ask(&mut function));
            }
            function.instruction(&self.parse_instruction(&mut reader)?);
        }
        let index = self.counts.imported + self.code.len();
        if !hints.is_empty() {
            self.hints.function_hints(index, hints);
        }
        self.code.function(&function);
        Ok(())
    }
}

/// Answers where the branch stands that is hardly ever taken.
fn ask(function: &mut Function) -> BranchHint {
    let beat = MemArg { offset: 0, align: 2, memory_index: 0 };
    function.instructions().i32_const(BEAT_AT as i32).i32_load(beat);
    let branch_func_offset = function.byte_len() as u32;
    function.instructions().if_(BlockType::Empty).i32_const(MORE_THAN_THERE_IS).memory_grow(0).drop().end();
    BranchHint { branch_func_offset, branch_hint_value: 0 }
}

impl Reencode for Weaver {
    type Error = Infallible;

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

    /// A memory for a module that has none, as the beat's place is told from there; and hints, which come before the code.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        let is_past = |section: SectionId| before.is_none_or(|before| order(before) > order(section));
        if self.counts.memories == 0 && is_past(SectionId::Memory) {
            let mut memories = MemorySection::new();
            let (minimum, maximum) = (0, None);
            memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
            module.section(&memories);
            self.counts.memories = 1;
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
