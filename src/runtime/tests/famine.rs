//! The JavaScript guest with allocations that fail when a script says so: the module that ships, with a countdown written into its
//! code. It must not know what is run with it.
//!
//! Written in: each place where the engine asks whether it may have so many bytes more (each allocation of the engine's
//! asks, those too whose quick way is inlined and takes from a list of free blocks), and the entry of `malloc` and `realloc`, which
//! serve what the engine asks for, what the libraries beside it ask for, and the heap's own reserve.
//!
//! A script gets at the countdown by an array of numbers: the block that `malloc` is asked for with [`BLOCK`] bytes is it.
//! `[0]` counts allocations, those from `[1]` to `[2]` fail, `[3]` counts these.
use anyhow::{Context as _, Result, ensure};
use std::collections::HashMap;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, Instruction, MemArg, Module, TypeSection, ValType,
};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, KnownCustom, Name, Operator, Parser, Payload,
    TypeSectionReader,
};

/// The elements of the array that a script makes: no other is as long.
pub(super) const NUMBERS: i32 = 77_777;

/// What `malloc` is asked for then: the engine's header stands before the numbers.
const BLOCK: i32 = NUMBERS * 4 + HEADER;
const HEADER: i32 = 8;

/// Where the block's address is kept: the deepest word of the stack that any code could reach, and none does.
const AT: i32 = 64;

/// Where the engine's limit stands in its record of what it holds: `malloc_state.malloc_limit`.
const LIMIT: u64 = 28;

/// Functions that hand out what nobody has asked about: who calls them must have asked.
const INNER: [&str; 4] = ["arena_new", "js_arena_malloc", "arena_malloc_large", "arena_calloc_large"];

/// The guest with the countdown, and how many places ask it.
///
/// # Errors
/// When the module is not built as it is known here.
pub(super) fn weave(wasm: &[u8]) -> Result<(Vec<u8>, usize)> {
    let mut weaver = Weaver::look(wasm)?;
    let mut module = Module::new();
    weaver
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow::anyhow!("the guest cannot be rewritten: {error}"))?;
    ensure!(weaver.unasked.is_empty(), "functions {:?} allocate and do not ask", weaver.unasked);
    Ok((module.finish(), weaver.asked))
}

struct Weaver {
    names: HashMap<u32, String>,
    /// The countdown's type and function.
    ty: u32,
    hook: u32,
    /// The function that comes next.
    index: u32,
    asked: usize,
    unasked: Vec<u32>,
}

impl Weaver {
    fn look(wasm: &[u8]) -> Result<Weaver> {
        let (mut names, mut ty, mut imported, mut own) = (HashMap::new(), 0, 0, 0);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => ty = section.count(),
                Payload::ImportSection(section) => imported = section.into_imports().count() as u32,
                Payload::FunctionSection(section) => own = section.count(),
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(section) = section.as_known() else { continue };
                    for part in section {
                        let Name::Function(map) = part? else { continue };
                        for name in map {
                            let name = name?;
                            names.insert(name.index, name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        for name in INNER.iter().chain(&["malloc", "realloc"]) {
            names.values().find(|known| known == name).with_context(|| format!("the guest does not name {name}"))?;
        }
        Ok(Weaver { names, ty, hook: imported + own, index: imported, asked: 0, unasked: Vec::new() })
    }

    fn is_inner(&self, function: u32) -> bool {
        self.names.get(&function).is_some_and(|name| INNER.contains(&name.as_str()))
    }

    fn allocates(&self, body: &FunctionBody<'_>) -> Result<bool, Error> {
        for operator in body.get_operators_reader()? {
            if matches!(operator?, Operator::Call { function_index } if self.is_inner(function_index)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// At the entry of `malloc` and `realloc`.
    fn at_entry(&mut self, function: &mut Function) {
        match self.names.get(&self.index).map(String::as_str) {
            Some("malloc") => {
                let mut code = function.instructions();
                code.local_get(0).i32_const(BLOCK).i32_eq().if_(BlockType::Empty);
                code.i32_const(AT).i32_const(BLOCK + HEADER).call(self.index).i32_store(word(0));
                code.i32_const(AT).i32_load(word(0)).return_().end();
            }
            Some("realloc") => {}
            _ => return,
        }
        self.asked += 1;
        function.instructions().call(self.hook).if_(BlockType::Empty).i32_const(0).return_().end();
    }

    /// Whether the allocation that is about to be made is to fail.
    fn countdown(&self) -> Function {
        let number = |index: u64| word(HEADER as u64 + 4 * index);
        let mut function = Function::new([(2, ValType::I32)]);
        let mut code = function.instructions();
        code.i32_const(AT).i32_load(word(0)).local_tee(0).i32_eqz().if_(BlockType::Empty).i32_const(0).return_().end();
        code.local_get(0).local_get(0).i32_load(number(0)).i32_const(1).i32_add().local_tee(1).i32_store(number(0));
        code.local_get(1).local_get(0).i32_load(number(1)).i32_lt_u();
        code.local_get(1).local_get(0).i32_load(number(2)).i32_gt_u().i32_or();
        code.if_(BlockType::Empty).i32_const(0).return_().end();
        code.local_get(0).local_get(0).i32_load(number(3)).i32_const(1).i32_add().i32_store(number(3));
        code.i32_const(1).end();
        function
    }
}

fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

/// How much of `malloc_limit - 1` has been seen. The engine compares it with what it would hold then.
fn asks(seen: usize, instruction: &Instruction<'_>) -> usize {
    match (seen, instruction) {
        (_, Instruction::I32Load(arg)) if arg.offset == LIMIT => 1,
        (1, Instruction::I32Const(-1)) => 2,
        (2, Instruction::I32Add) => 3,
        _ => 0,
    }
}

impl Reencode for Weaver {
    type Error = Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([], [ValType::I32]);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.ty);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        code.function(&self.countdown());
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        self.at_entry(&mut function);
        let allocates = self.allocates(&body)?;
        let (before, mut seen) = (self.asked, 0);
        let mut reader = body.get_operators_reader()?;
        while allocates && !reader.eof() {
            let instruction = self.parse_instruction(&mut reader)?;
            function.instruction(&instruction);
            seen = asks(seen, &instruction);
            if seen == 3 {
                // Nothing at all may be held by one that is to fail.
                function.instructions().call(self.hook).i32_eqz().i32_mul();
                self.asked += 1;
            }
        }
        while !reader.eof() {
            function.instruction(&self.parse_instruction(&mut reader)?);
        }
        if allocates && self.asked == before && !self.is_inner(self.index) {
            self.unasked.push(self.index);
        }
        self.index += 1;
        code.function(&function);
        Ok(())
    }
}
