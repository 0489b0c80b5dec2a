use pmtu_probe::report::text::{Style, render};
#[test]
fn show() {
    for a in super::fixtures::all() {
        println!("{}\n=====", render(&super::fixtures::report(vec![a]), &Style::default()));
    }
    println!("{}", render(&super::fixtures::report(vec![super::fixtures::hostile()]), &Style::default()));
}
