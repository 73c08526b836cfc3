//! Where a guest's code is to ask whether its slice is over: at the head of each loop, around calls whose target is not
//! known, after the host's calls, and wherever else it could run for more than [`MOST`] steps without asking. What is short
//! asks nothing: that is the difference to an engine's own checks, which stand at each function's entry. It must not know how the
//! question is written down (`weave.rs`), nor what a slice is.
//!
//! The bound holds for whatever code: a path through a function runs each instruction once, or passes a loop's head. Called
//! functions are looked at before their callers, and count with what they may run; a call that closes a circle has a question
//! on both sides, so that neither going down nor coming back is free.
use anyhow::Result;
use wasmparser::{FunctionBody, Operator};

/// Instructions that may run between two questions, calls of small functions included: some fifty microseconds. With a tenth of
/// it the JavaScript engine's code has half as many questions more, and is larger for it.
pub(super) const MOST: u32 = 100_000;

/// What an instruction counts that works on a whole range of memory or a table: there is a question between any two of them. How
/// long one lasts is the memory limit's matter.
const BULK: u32 = MOST / 2 + 1;

/// Where one function asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pauses {
    /// Before anything else.
    pub at_entry: bool,
    /// Before the instructions of these numbers, in order.
    pub before: Vec<u32>,
}

/// What a caller has to count for a function.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// At most so much until its first question, or its end.
    prefix: u32,
    /// At most so much from its last question, or its beginning, until its end.
    exit: u32,
    /// At most so much on a way through without a question, if there is one.
    through: Option<u32>,
}

/// Where each function of a module asks; `imported` functions come first in its index space.
pub(super) fn pauses(bodies: &[FunctionBody<'_>], imported: u32) -> Result<Vec<Pauses>> {
    let calls = bodies.iter().map(|body| callees(body, imported)).collect::<Result<Vec<_>>>()?;
    let (order, circles) = order(&calls);
    let mut costs = vec![None; bodies.len()];
    let mut all = vec![Pauses::default(); bodies.len()];
    for function in order {
        let known = Known { imported, costs: &costs, circles: &circles };
        let mut walk = Walk::new(&known, circles[function]);
        walk.body(&bodies[function])?;
        let (cost, before) = (walk.cost(), walk.before);
        costs[function] = Some(cost);
        all[function] = Pauses { at_entry: circles[function], before };
    }
    Ok(all)
}

/// Functions of the module that one calls by name.
fn callees(body: &FunctionBody<'_>, imported: u32) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        if let Operator::Call { function_index } = operators.read()?
            && let Some(own) = function_index.checked_sub(imported)
        {
            found.push(own as usize);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// All functions, callees before callers, and which of them close a circle of calls.
fn order(calls: &[Vec<usize>]) -> (Vec<usize>, Vec<bool>) {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; calls.len()];
    let (mut order, mut circles) = (Vec::with_capacity(calls.len()), vec![false; calls.len()]);
    for root in 0..calls.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        let mut path = vec![(root, 0)];
        while let Some((function, next)) = path.last_mut() {
            let function = *function;
            let Some(&callee) = calls[function].get(*next) else {
                marks[function] = Mark::Done;
                order.push(function);
                path.pop();
                continue;
            };
            *next += 1;
            match marks[callee] {
                Mark::New => {
                    marks[callee] = Mark::Open;
                    path.push((callee, 0));
                }
                Mark::Open => circles[callee] = true,
                Mark::Done => {}
            }
        }
    }
    (order, circles)
}

/// What is known of called functions.
struct Known<'a> {
    imported: u32,
    /// None: not yet; the call closes a circle.
    costs: &'a [Option<Cost>],
    circles: &'a [bool],
}

/// How much may have run where the walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Since the last question, or the beginning, whichever way.
    run: u32,
    /// Since the beginning, on ways without a question.
    virgin: Option<u32>,
}

impl State {
    /// Just asked.
    const FRESH: State = State { run: 0, virgin: None };

    fn join(self, other: State) -> State {
        State { run: self.run.max(other.run), virgin: self.virgin.max(other.virgin) }
    }
}

/// One block that the walk is in.
struct Frame {
    is_loop: bool,
    /// Of those who leave for its end.
    leaving: Option<State>,
    /// Where an `if` began, until its `else`.
    otherwise: Option<State>,
}

/// The walk through one body.
struct Walk<'a> {
    known: &'a Known<'a>,
    /// None: nobody comes here.
    state: Option<State>,
    frames: Vec<Frame>,
    prefix: u32,
    before: Vec<u32>,
}

impl<'a> Walk<'a> {
    fn new(known: &'a Known<'a>, at_entry: bool) -> Walk<'a> {
        let state = if at_entry { State::FRESH } else { State { run: 0, virgin: Some(0) } };
        let frames = vec![Frame { is_loop: false, leaving: None, otherwise: None }];
        Walk { known, state: Some(state), frames, prefix: 0, before: Vec::new() }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        let mut operators = body.get_operators_reader()?;
        let (mut at, mut asks_next) = (0, false);
        while !operators.eof() {
            let operator = operators.read()?;
            if std::mem::take(&mut asks_next) {
                self.ask(at);
            }
            asks_next = self.operator(at, &operator)?;
            at += 1;
        }
        Ok(())
    }

    /// A question before the instruction of this number. Nothing is asked where nobody comes.
    fn ask(&mut self, at: u32) {
        if self.state.is_some() {
            if self.before.last() != Some(&at) {
                self.before.push(at);
            }
            self.state = Some(State::FRESH);
        }
    }

    /// Counts so much, after a question if it would be too much.
    fn add(&mut self, at: u32, count: u32) {
        if self.state.is_some_and(|state| state.run.saturating_add(count) > MOST) {
            self.ask(at);
        }
        if let Some(state) = &mut self.state {
            state.run = state.run.saturating_add(count);
            state.virgin = state.virgin.map(|virgin| virgin.saturating_add(count));
            self.prefix = self.prefix.max(state.virgin.unwrap_or(0));
        }
    }

    /// Whether a question comes right after it.
    fn operator(&mut self, at: u32, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::Call { function_index } => return Ok(self.call(at, *function_index)),
            Operator::CallIndirect { .. } => {
                self.ask(at);
                return Ok(true);
            }
            Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. } => self.add(at, BULK),
            _ => self.add(at, 1),
        }
        match operator {
            Operator::Block { .. } => self.open(false, None),
            Operator::Loop { .. } => {
                self.open(true, None);
                return Ok(true);
            }
            Operator::If { .. } => self.open(false, self.state),
            Operator::Else => {
                let frame = self.frames.last_mut().expect("the module is valid");
                frame.leaving = join(frame.leaving, self.state);
                self.state = frame.otherwise.take();
            }
            Operator::End => {
                let frame = self.frames.pop().expect("the module is valid");
                self.state = join(join(self.state, frame.leaving), frame.otherwise);
            }
            Operator::Br { relative_depth } => self.leave(*relative_depth, true),
            Operator::BrIf { relative_depth } => self.leave(*relative_depth, false),
            Operator::BrTable { targets } => {
                for depth in targets.targets() {
                    self.leave(depth?, false);
                }
                self.leave(targets.default(), true);
            }
            Operator::Return => self.leave(self.frames.len() as u32 - 1, true),
            Operator::Unreachable => self.state = None,
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, is_loop: bool, otherwise: Option<State>) {
        self.frames.push(Frame { is_loop, leaving: None, otherwise });
    }

    /// To a block's end, or a loop's head, where a question stands.
    fn leave(&mut self, depth: u32, always: bool) {
        let outermost = self.frames.len() - 1;
        let frame = &mut self.frames[outermost - depth as usize];
        if !frame.is_loop {
            frame.leaving = join(frame.leaving, self.state);
        }
        if always {
            self.state = None;
        }
    }

    fn call(&mut self, at: u32, index: u32) -> bool {
        let Some(function) = index.checked_sub(self.known.imported) else {
            self.add(at, 1);
            return true;
        };
        let Some(cost) = self.known.costs[function as usize] else {
            self.add(at, 1);
            return true;
        };
        if self.known.circles[function as usize] {
            // It asks first.
            self.add(at, 1);
            self.state = self.state.map(|_| State { run: cost.exit, virgin: None });
            return false;
        }
        if self.state.is_some_and(|state| state.run.saturating_add(cost.prefix) > MOST) {
            self.ask(at);
        }
        let Some(state) = self.state else { return false };
        self.prefix = self.prefix.max(state.virgin.map_or(0, |virgin| virgin + cost.prefix));
        let run = cost.through.map_or(0, |through| state.run + through).max(cost.exit);
        let virgin = state.virgin.zip(cost.through).map(|(virgin, through)| virgin + through);
        self.state = Some(State { run, virgin });
        self.add(at + 1, 1);
        false
    }

    /// At the end of the body.
    fn cost(&self) -> Cost {
        let end = self.state.unwrap_or(State::FRESH);
        Cost { prefix: self.prefix, exit: end.run, through: end.virgin }
    }
}

fn join(one: Option<State>, other: Option<State>) -> Option<State> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.join(other)),
        (one, other) => one.or(other),
    }
}
