//! Prints what is made from the tables to standard output: `print c` or `print md`.
fn main() {
    let mut text = String::new();
    match std::env::args().nth(1).as_deref() {
        Some("c") => skep_abi::print::c_header(&mut text),
        Some("md") => skep_abi::print::markdown(&mut text),
        _ => {
            eprintln!("usage: print c|md");
            std::process::exit(2);
        }
    }
    .expect("writing to a String cannot fail");
    print!("{text}");
}
