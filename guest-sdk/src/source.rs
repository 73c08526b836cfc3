//! Bytes that are asked for a piece at a time: of a file, or of standard input. The next piece is asked for when the one
//! before has been dealt with. It must not know where the bytes are from.
use crate::body::Chunk;
use crate::fs::Ask;
use crate::Error;
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes of one piece.
const PIECE: i64 = 64 << 10;

/// What is told of such bytes.
#[derive(Debug)]
pub enum Event<'a> {
    /// Some bytes. As long as the chunk's credit is held, no more are asked for.
    Data(Chunk<'a>),
    /// That was all.
    End,
    /// There will be no more, and why.
    Failed(Error),
}

type OnEvent = Box<dyn FnMut(Event<'_>)>;

/// One that is being read.
pub(crate) struct Source {
    ask: Ask,
    call: RefCell<Option<OnEvent>>,
}

impl Source {
    /// Reads all that `ask` gives; the first piece is asked for at once.
    pub fn read(ask: Ask, call: impl FnMut(Event<'_>) + 'static) -> crate::Result<()> {
        let source = Rc::new(Source { ask: ask.up_to(PIECE), call: RefCell::new(Some(Box::new(call))) });
        Source::next(&source)
    }

    fn next(this: &Rc<Source>) -> crate::Result<()> {
        let own = this.clone();
        this.ask.queue(b"", move |done| match done.map(|done| done.bytes()) {
            Ok(bytes) if bytes.is_empty() => own.last(Event::End),
            Ok(bytes) => {
                let again = own.clone();
                own.tell(Event::Data(Chunk::piece(&bytes, Rc::new(move || Source::go_on(&again)))));
            }
            Err(error) => own.last(Event::Failed(error)),
        })
    }

    fn go_on(this: &Rc<Source>) {
        if let Err(error) = Source::next(this) {
            // Told when what is running has returned.
            let own = this.clone();
            crate::task::spawn(async move { own.last(Event::Failed(error)) });
        }
    }

    fn last(&self, event: Event<'_>) {
        self.tell(event);
        self.call.borrow_mut().take();
    }

    fn tell(&self, event: Event<'_>) {
        let call = self.call.borrow_mut().take();
        if let Some(mut call) = call {
            call(event);
            self.call.borrow_mut().get_or_insert(call);
        }
    }
}
