//! What is held, whatever is done in whatever order. They must not know how it is counted.
use super::walk::DISTURBED_MOST;
use super::*;
use crate::policy::PURSE_CELLS;
use std::sync::{Arc, Weak};

const FILE: FileId = (1, 7);

fn limits() -> Limits {
    Limits { disk_bytes: Some(100), disk_entries: Some(3), disk_file_bytes: Some(80), ..Limits::default() }
}

fn hoard() -> Hoard {
    Hoard::new(&limits()).expect("there are bounds")
}

fn bytes(hoard: &Hoard) -> u64 {
    hoard.held(Stuff::Bytes)
}

/// A writing into a file of one size that makes it another.
fn write(hoard: &Hoard, (id, size): (FileId, u64), place: Place, len: u64) -> Result<u64, Full> {
    let stretch = hoard.book().write(id, size, place, len)?;
    let begin = match place {
        Place::At(at) | Place::Here(at) => at,
        Place::End => size,
    };
    let (len, end) = (stretch.len, begin + stretch.len);
    hoard.over(stretch, || Some(size.max(end)));
    Ok(len)
}

#[test]
fn f05_what_makes_a_file_larger_is_counted_once_and_no_more_is_given_than_there_is() {
    let hoard = hoard();
    assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 50), Ok(50));
    assert_eq!(write(&hoard, (FILE, 50), Place::At(10), 20), Ok(20), "what is there is written over");
    assert_eq!(bytes(&hoard), 50);
    assert_eq!(write(&hoard, (FILE, 50), Place::End, 50), Ok(30), "up to one file's bound");
    assert_eq!(write(&hoard, (FILE, 80), Place::End, 1), Err(Full::File));
    assert_eq!(write(&hoard, ((1, 8), 0), Place::Here(0), 50), Ok(20), "up to what there is in all");
    assert_eq!(write(&hoard, ((1, 8), 20), Place::Here(20), 1), Err(Full::Bytes));
    assert_eq!(write(&hoard, ((1, 8), 20), Place::Here(10), 20), Ok(10), "what needs no room is written");
    assert_eq!(write(&hoard, ((1, 9), 0), Place::At(u64::MAX - 1), u64::MAX), Err(Full::File), "nothing overflows");
    let stretch = hoard.book().resize(FILE, 80, 5).expect("it becomes smaller");
    hoard.over(stretch, || Some(5));
    assert_eq!(bytes(&hoard), 25);
    assert_eq!(write(&hoard, ((1, 9), 0), Place::At(70), 1), Ok(1), "a hole counts");
    assert_eq!(bytes(&hoard), 96);
    assert!(matches!(hoard.book().resize((1, 9), 71, 76), Err(Full::Bytes)));
    assert!(matches!(hoard.book().resize((1, 9), 71, 81), Err(Full::File)));
    assert_eq!(bytes(&hoard), 96, "what was refused is not counted");
    let met = hoard.take_met().map(|(_, times)| times);
    assert_eq!((met, hoard.take_met().map(|(_, times)| times)), ([2, 0, 3], [0; 3]));
}

#[test]
fn f05_names_are_counted_and_never_fewer_than_none() {
    let hoard = hoard();
    assert_eq!([(); 4].map(|()| hoard.enter()), [Ok(()), Ok(()), Ok(()), Err(Full::Entries)]);
    (0..9).for_each(|_| hoard.leave());
    assert_eq!(hoard.held(Stuff::Entries), 0);
    hoard.book().lost(FILE, u64::MAX);
    assert_eq!(bytes(&hoard), 0, "somebody else's file was removed");
}

#[test]
fn f05_a_file_without_a_name_counts_until_nobody_has_it_open() {
    let (hoard, one, two) = (hoard(), Arc::new(()), Arc::new(()));
    let holder = |of: &Arc<()>| -> Holder {
        let weak: Weak<()> = Arc::downgrade(of);
        weak
    };
    hoard.book().opened(FILE, 0, holder(&one));
    hoard.book().opened(FILE, 0, holder(&two));
    assert_eq!(write(&hoard, (FILE, 0), Place::End, 60), Ok(60));
    hoard.book().lost(FILE, 60);
    drop(one);
    assert_eq!(write(&hoard, (FILE, 60), Place::End, 10), Ok(10), "it still grows");
    assert_eq!((bytes(&hoard), write(&hoard, ((1, 8), 0), Place::At(0), 40)), (70, Ok(30)));
    drop(two);
    assert_eq!(write(&hoard, ((1, 8), 30), Place::End, 40), Ok(40), "it is gone");
    assert_eq!(bytes(&hoard), 70);
    // Its number is another file's at once.
    hoard.book().opened(FILE, 3, holder(&Arc::new(())));
    hoard.book().lost(FILE, 3);
    assert_eq!(bytes(&hoard), 67);
}

#[test]
fn f05_writings_under_way_are_counted_together() {
    let hoard = hoard();
    let first = hoard.book().write(FILE, 0, Place::Here(0), 30).expect("there is room");
    // The descriptor has not moved yet.
    let second = hoard.book().write(FILE, 0, Place::Here(0), 30).expect("there is room");
    assert_eq!(bytes(&hoard), 60);
    hoard.over(first, || panic!("the other one is under way"));
    hoard.over(second, || Some(55));
    assert_eq!(bytes(&hoard), 55, "one wrote less");
    let shrinks = hoard.book().resize(FILE, 55, 0).expect("it becomes smaller");
    let grows = hoard.book().write(FILE, 55, Place::At(0), 70).expect("there is room");
    hoard.over(shrinks, || Some(0));
    assert_eq!(bytes(&hoard), 70, "the last one tells");
    hoard.over(grows, || Some(70));
    assert_eq!(bytes(&hoard), 70);
}

#[test]
fn f05_a_walk_finds_what_was_there_and_loses_nothing_that_happens_meanwhile() {
    let hoard = hoard();
    assert!(hoard.begins(5) && !hoard.begins(6), "once at a time");
    let mark = hoard.mark();
    assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 10), Ok(10));
    hoard.measure(mark, Found { bytes: 50, entries: 2, more: false });
    assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (60, 2));
    let minute = 60_000_000_000;
    assert!(!hoard.begins(5 + minute / 64 - 1) && hoard.begins(5 + minute / 64), "some may be counted twice");
    hoard.measure(hoard.mark(), Found { bytes: 50, entries: 2, more: false });
    assert_eq!(bytes(&hoard), 50);
    assert!(!hoard.begins(u64::MAX), "nobody has asked");
    assert_eq!(write(&hoard, ((1, 8), 0), Place::At(0), 70), Ok(50));
    assert_eq!(write(&hoard, ((1, 8), 50), Place::End, 1), Err(Full::Bytes));
    let then = 5 + minute / 64 + minute;
    assert!(!hoard.begins(then - 1) && hoard.begins(then), "who is refused has it looked at again");
    hoard.measure(hoard.mark(), Found { bytes: 20, entries: 1, more: false });
    assert_eq!(bytes(&hoard), 20, "somebody else made room");
    hoard.ask();
    assert!(hoard.begins(then + minute));
    hoard.measure(hoard.mark(), Found { bytes: 1, entries: 1, more: true });
    assert_eq!((bytes(&hoard), hoard.enter()), (100, Err(Full::Entries)), "what nobody has seen may be all there is");
}

#[test]
fn f05_what_moves_during_a_walk_is_not_missed() {
    let (hoard, second) = (hoard(), 1_000_000_000);
    hoard.moves(50, 1);
    assert_eq!(bytes(&hoard), 0, "nobody walks");
    assert!(hoard.begins(0));
    let mark = hoard.mark();
    hoard.moves(50, 1);
    hoard.measure(mark, Found::default());
    assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (50, 1));
    hoard.ask();
    for round in 1..=DISTURBED_MOST + 1 {
        assert!(hoard.begins(u64::from(round) * 60 * second), "{round}");
        let mark = hoard.mark();
        hoard.moves_folder();
        hoard.measure(mark, Found::default());
        assert_eq!(bytes(&hoard), if round > DISTURBED_MOST { 100 } else { 50 }, "{round}");
    }
}

#[test]
fn f05_processes_share_what_is_left_and_a_tree_has_one_account() {
    let hoard = hoard();
    hoard.divide(4);
    assert!(hoard.begins(0));
    hoard.measure(hoard.mark(), Found { bytes: 60, entries: 0, more: false });
    assert_eq!(write(&hoard, (FILE, 60), Place::At(60), 20), Ok(10));
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    let child = Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed");
    let [parents, childs] = [root, child].map(|purse| Hoard::of_tree(&limits(), &purse).expect("there are bounds"));
    assert!(parents.begins(0) && !childs.begins(0), "the root measures for all");
    let mark = parents.mark();
    childs.moves(10, 0);
    parents.measure(mark, Found::default());
    assert_eq!(write(&childs, (FILE, 0), Place::At(0), 60), Ok(60));
    assert_eq!(write(&parents, ((1, 8), 0), Place::At(0), 60), Ok(30));
    assert_eq!((bytes(&childs), root.memory(), root.cpu()), (100, 0, 0));
    assert!(Hoard::new(&Limits::default()).is_none(), "a program has none");
}
