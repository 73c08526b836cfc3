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

fn holder(of: &Arc<()>) -> Holder {
    let weak: Weak<()> = Arc::downgrade(of);
    weak
}

/// A tree's process, and one below it.
fn tree() -> (Purse, Purse, crate::policy::Row) {
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    let row = root.claim(0).expect("a row");
    (root, Purse::of_child(cells, row).expect("it was claimed"), row)
}

/// A walk that finds this, while nothing else happens.
fn walk(hoard: &Hoard, now: u64, bytes: u64) {
    assert!(hoard.begins(now), "{now}");
    hoard.measure(hoard.begun_at(), Found { bytes, ..Found::default() });
}

/// The same without anybody's having asked.
fn walk_asked(hoard: &Hoard, now: u64, bytes: u64) {
    hoard.ask();
    walk(hoard, now, bytes);
}

const HOUR: u64 = 3600 * 1_000_000_000;

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
    hoard.book().lost(FILE, u64::MAX, 0);
    assert_eq!(bytes(&hoard), 0, "somebody else's file was removed");
}

#[test]
fn f05_a_file_without_a_name_counts_until_nobody_has_it_open() {
    let (hoard, one, two) = (hoard(), Arc::new(()), Arc::new(()));
    hoard.book().opened(FILE, 0, holder(&one));
    hoard.book().opened(FILE, 0, holder(&two));
    assert_eq!(write(&hoard, (FILE, 0), Place::End, 60), Ok(60));
    hoard.book().lost(FILE, 60, 0);
    drop(one);
    assert_eq!(write(&hoard, (FILE, 60), Place::End, 10), Ok(10), "it still grows");
    assert_eq!((bytes(&hoard), write(&hoard, ((1, 8), 0), Place::At(0), 40)), (70, Ok(30)));
    drop(two);
    assert_eq!(write(&hoard, ((1, 8), 30), Place::End, 40), Ok(40), "it is gone");
    assert_eq!(bytes(&hoard), 70);
    // Its number is another file's at once.
    hoard.book().opened(FILE, 3, holder(&Arc::new(())));
    hoard.book().lost(FILE, 3, 0);
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
fn f05_what_was_asked_for_before_anybody_walks_is_found_or_counted() {
    let hoard = hoard();
    assert!(hoard.begins(0));
    let stretch = hoard.book().write(FILE, 0, Place::At(0), 50).expect("there is room");
    hoard.measure(hoard.begun_at(), Found::default());
    hoard.over(stretch, || Some(50));
    assert_eq!(bytes(&hoard), 50, "it came after the walk had passed");
    hoard.ask();
    assert!(hoard.begins(HOUR));
    let walks = hoard.walks();
    hoard.enter().expect("there is room");
    hoard.measure(hoard.begun_at(), Found { bytes: 50, entries: 1, more: false });
    hoard.landed(walks, Stuff::Entries, 1);
    hoard.leave();
    assert!(hoard.held(Stuff::Entries) >= 1, "what did not come to be takes nothing with it");
}

#[test]
fn f05_what_a_walk_found_smaller_is_not_given_back_again() {
    let hoard = hoard();
    walk(&hoard, 0, 90);
    let shrinks = hoard.book().resize(FILE, 50, 0).expect("it only becomes smaller");
    walk_asked(&hoard, HOUR, 40);
    hoard.over(shrinks, || Some(0));
    assert_eq!(bytes(&hoard), 40, "the other file is there");
    assert!(hoard.begins(2 * HOUR), "it is looked at again");
    hoard.measure(hoard.begun_at(), Found { bytes: 40, ..Found::default() });
    let grows = hoard.book().write(FILE, 0, Place::At(0), 60).expect("there is room");
    walk_asked(&hoard, 3 * HOUR, 40);
    hoard.over(grows, || Some(10));
    assert_eq!(bytes(&hoard), 50, "what was not needed is given back");
}

#[test]
fn f05_processes_share_what_is_left_and_a_tree_has_one_account() {
    let hoard = hoard();
    hoard.divide(4);
    assert!(hoard.begins(0));
    hoard.measure(hoard.mark(), Found { bytes: 60, entries: 0, more: false });
    assert_eq!(write(&hoard, (FILE, 60), Place::At(60), 20), Ok(10));
    let (root, child, _) = tree();
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

#[test]
fn f05_what_no_walk_finds_counts_all_the_same_while_it_is_open() {
    let (hoard, open) = (hoard(), Arc::new(()));
    hoard.book().opened(FILE, 0, holder(&open));
    assert_eq!(write(&hoard, (FILE, 0), Place::End, 60), Ok(60));
    hoard.book().lost(FILE, 60, hoard.walks());
    walk(&hoard, 0, 0);
    assert_eq!((bytes(&hoard), write(&hoard, ((1, 8), 0), Place::End, 60)), (60, Ok(40)));
    drop(open);
    hoard.tidy();
    assert_eq!(bytes(&hoard), 40, "given back once");
    // Of a tree: of whom it is, and no longer than that lives.
    let (root, child, row) = tree();
    let [parents, childs] = [root, child].map(|purse| Hoard::of_tree(&limits(), &purse).expect("there are bounds"));
    let (one, two) = (Arc::new(()), Arc::new(()));
    for (hoard, id, open) in [(&parents, FILE, &one), (&childs, (1, 8), &two)] {
        hoard.book().opened(id, 0, holder(open));
        assert_eq!(write(hoard, (id, 0), Place::End, 20), Ok(20));
        hoard.book().lost(id, 20, hoard.walks());
        assert_eq!(write(hoard, (id, 20), Place::End, 10), Ok(10), "it grows");
    }
    walk(&parents, 0, 5);
    assert_eq!(bytes(&parents), 65);
    drop(one);
    parents.tidy();
    assert_eq!(bytes(&childs), 35);
    parents.ask();
    walk(&parents, HOUR, 5);
    assert_eq!(bytes(&childs), 35);
    drop(two);
    assert!(!childs.begins(HOUR), "it looks for what was closed when it has run");
    assert_eq!((bytes(&parents), root.hidden()), (5, 0));
    // One that hides again is killed.
    let open = Arc::new(());
    childs.book().opened(FILE, 7, holder(&open));
    childs.book().lost(FILE, 7, childs.walks());
    assert_eq!(root.hidden(), 7);
    root.take_back(row);
    assert_eq!(root.hidden(), 0);
}

#[test]
fn f05_what_a_child_removes_while_its_root_measures_is_not_missed() {
    let (root, child, _) = tree();
    let [parents, childs] = [root, child].map(|purse| Hoard::of_tree(&limits(), &purse).expect("there are bounds"));
    let open = Arc::new(());
    childs.book().opened(FILE, 50, holder(&open));
    assert!(parents.begins(0));
    let (mark, walks) = (parents.mark(), childs.walks());
    // Its name is gone, which it has not told yet.
    parents.measure(mark, Found::default());
    childs.book().lost(FILE, 50, walks);
    assert_eq!(bytes(&parents), 50);
}

#[test]
fn f05_what_was_asked_for_before_a_walk_and_comes_after_it_has_passed_is_not_missed() {
    let hoard = hoard();
    let stretch = hoard.book().write(FILE, 0, Place::At(0), 50).expect("there is room");
    let walks = hoard.walks();
    assert_eq!(hoard.enter(), Ok(()));
    let moving = hoard.moves(20, 1);
    walk(&hoard, 0, 0);
    assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (0, 0));
    hoard.over(stretch, || Some(40));
    assert_eq!(bytes(&hoard), 40, "what of it has come");
    hoard.landed(walks, Stuff::Entries, 1);
    hoard.moved(moving);
    assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (60, 2));
    walk(&hoard, HOUR, 60);
    assert!(!hoard.begins(2 * HOUR), "nothing was under way");
    // A folder's contents are not known.
    let moving = hoard.moves_folder();
    hoard.ask();
    assert!(hoard.begins(2 * HOUR));
    let mark = hoard.mark();
    hoard.moved(moving);
    hoard.measure(mark, Found::default());
    assert_eq!(bytes(&hoard), 60, "it was perhaps not seen");
}

#[test]
fn f05_what_nothing_bounds_is_never_full() {
    let limits = Limits { disk_entries: Some(3), ..Limits::default() };
    let hoard = Hoard::new(&limits).expect("there is a bound");
    assert!(hoard.begins(0));
    hoard.measure(hoard.mark(), Found { bytes: 7, entries: 1, more: true });
    assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (7, 3));
    assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 50), Ok(50));
}

#[test]
fn f05_whoever_is_refused_has_it_measured_by_whoever_measures() {
    let (root, child, _) = tree();
    let [parents, childs] = [root, child].map(|purse| Hoard::of_tree(&limits(), &purse).expect("there are bounds"));
    walk(&parents, 0, 100);
    assert!(!parents.begins(HOUR));
    assert_eq!(write(&childs, (FILE, 0), Place::At(0), 1), Err(Full::Bytes));
    walk(&parents, HOUR, 30);
    assert_eq!(write(&childs, (FILE, 0), Place::At(0), 1), Ok(1));
    // A walk that comes to nothing is begun again.
    parents.ask();
    assert!(parents.begins(2 * HOUR) && !parents.begins(3 * HOUR));
    parents.gives_up();
    walk(&parents, 3 * HOUR, 30);
}

#[test]
fn f05_where_others_have_a_share_it_is_measured_after_every_writing() {
    let hoard = hoard();
    hoard.divide(2);
    walk(&hoard, 0, 0);
    assert!(!hoard.begins(HOUR), "nothing was written");
    assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 10), Ok(10));
    assert!(!hoard.begins(1), "once a gap");
    walk(&hoard, HOUR, 90);
    assert!(!hoard.begins(2 * HOUR));
    assert_eq!(write(&hoard, ((1, 8), 0), Place::At(0), 10), Ok(5), "half of what others have left");
}

#[test]
fn f05_what_goes_during_a_walk_is_looked_at_again() {
    let hoard = hoard();
    assert!(hoard.begins(0));
    let mark = hoard.mark();
    hoard.book().lost(FILE, 50, hoard.walks());
    // It had been found before.
    hoard.measure(mark, Found { bytes: 50, entries: 1, more: false });
    assert_eq!(bytes(&hoard), 50);
    walk(&hoard, 1_000_000_000, 0);
    assert_eq!(bytes(&hoard), 0);
}
