//! Operators who follow a tenant's log: their connection stays, and each line goes out as it is told. Who reads too slowly
//! loses lines, and is told how many. It must not know where lines come from.
use super::{Answer, Hall};
use crate::reactor::Kernel;
use crate::time::Clock;

/// Lines that one answer has at most.
const LINES: usize = 10_000;

/// What of a log is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    after: u64,
    lines: usize,
    follow: bool,
}

impl Wanted {
    /// Reads a query: `follow`, `after=SEQ`, `lines=N`.
    pub fn read(query: &str) -> Result<Wanted, String> {
        let mut wanted = Wanted { after: 0, lines: LINES, follow: false };
        for word in query.split('&').filter(|word| !word.is_empty()) {
            let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{word}: a number is needed"));
            match word.split_once('=') {
                None if word == "follow" => wanted.follow = true,
                Some(("follow", "1")) => wanted.follow = true,
                Some(("after", text)) => wanted.after = number(text)?,
                Some(("lines", text)) => wanted.lines = (number(text)? as usize).min(LINES),
                _ => return Err(format!("{word:?} is none of follow, after=SEQ and lines=N")),
            }
        }
        Ok(wanted)
    }
}

impl super::Admin {
    /// Whether somebody hears of this tenant's lines.
    pub fn is_followed(&self, tenant: u32) -> bool {
        self.followers > 0 && self.visits.iter().any(|(_, visit)| visit.follows == Some(tenant))
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    pub(super) fn answer_log(&mut self, visit: u32, tenant: u32, query: &str) -> Answer {
        match Wanted::read(query) {
            Ok(wanted) => {
                if wanted.follow {
                    self.admin.visits[visit as usize].follows = Some(tenant);
                    self.admin.followers += 1;
                }
                let text = self.log_lines(tenant, wanted.after, wanted.lines);
                Answer { status: 200, kind: "application/x-ndjson", fields: String::new(), text }
            }
            Err(why) => Answer::error(400, "ERR_QUERY", &why),
        }
    }

    /// A line of a tenant's log, for those who follow it.
    pub(in crate::runtime) fn tell_followers(&mut self, tenant: u32, line: &[u8]) {
        let most = self.tenants.follow_bytes();
        for (_, visit) in &mut self.admin.visits {
            if visit.follows != Some(tenant) {
                continue;
            }
            if self.reactor.pending_out(visit.key).is_ok_and(|pending| pending > most) {
                visit.lost += 1;
                continue;
            }
            if visit.lost > 0 {
                let lost = format!("{{\"lost\":{}}}\n", std::mem::take(&mut visit.lost));
                let _gone = self.reactor.send(visit.key, lost.as_bytes());
            }
            let _gone = self.reactor.send(visit.key, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whole_or_refused() {
        assert_eq!(Wanted::read(""), Ok(Wanted { after: 0, lines: LINES, follow: false }));
        assert_eq!(Wanted::read("follow&after=7&lines=3"), Ok(Wanted { after: 7, lines: 3, follow: true }));
        assert_eq!(Wanted::read("lines=99999999").map(|wanted| wanted.lines), Ok(LINES));
        for wrong in [
            "x",
            "after",
            "after=",
            "after=-1",
            "lines=1x",
            "follow=0",
            "after=1=2",
            "a=b",
            "after=99999999999999999999",
        ] {
            assert!(Wanted::read(wrong).is_err(), "{wrong}");
        }
    }
}
