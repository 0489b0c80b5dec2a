//! What shows, and what works.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::cases::{self, Case, MARKUP};
use crate::tools::{file_of, folder, from_base64, from_npm};

const CHECKS: &str = include_str!("checks.js");
const PHONE: u32 = 360;
const DESK: u32 = 1200;

/// Every element that a page may have. What a stranger writes makes none.
const OURS: [&str; 42] = [
    "a",
    "body",
    "button",
    "circle",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "header",
    "html",
    "input",
    "label",
    "li",
    "link",
    "main",
    "meta",
    "ol",
    "p",
    "path",
    "pre",
    "rect",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "text",
    "time",
    "title",
    "ul",
];

#[test]
fn every_page_shows_all_of_it_on_a_desk_by_day_and_night() {
    every_page_shows_all_of_it(DESK);
}

#[test]
fn every_page_shows_all_of_it_on_a_phone_by_day_and_night() {
    every_page_shows_all_of_it(PHONE);
}

fn every_page_shows_all_of_it(width: u32) {
    let folder = folder("screens");
    let mut browser = Browser::start();
    eprintln!("{}", browser.version());
    let mut screens = Vec::new();
    for case in cases::all() {
        let file = folder.join(format!("{}-{width}.html", case.name));
        std::fs::write(&file, &case.html).unwrap();
        for scheme in ["light", "dark"] {
            let name = format!("{}-{scheme}-{width}", case.name);
            browser.show(&file, width, scheme);
            must_be_quiet(&browser.take_events(), &name);
            let seen = browser.evaluate(CHECKS);
            must_be_readable(&seen, &case, width, &name);
            let screen = browser.screenshot();
            std::fs::write(folder.join(format!("{name}.png")), from_base64(&screen)).unwrap();
            screens.push((name, scheme, screen));
        }
    }
    browser.call("Page.navigate", json!({"url": "about:blank"}));
    for (name, scheme, screen) in screens {
        must_not_be_blank(&browser.evaluate(&counted(&screen)), scheme, &name);
    }
}

/// Nothing is complained about, nothing is fetched, nothing pops up.
fn must_be_quiet(events: &[Value], name: &str) {
    for event in events {
        let what = event["method"].as_str().unwrap_or_default();
        let params = &event["params"];
        let is_loud = match what {
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap();
                !(url.starts_with("file://") && params["type"] == "Document" || url.starts_with("data:,"))
            }
            "Runtime.consoleAPICalled"
            | "Runtime.exceptionThrown"
            | "Log.entryAdded"
            | "Audits.issueAdded"
            | "Page.javascriptDialogOpening"
            | "Page.windowOpen" => true,
            _ => false,
        };
        assert!(!is_loud, "{name}: {event}");
    }
}

fn must_be_readable(seen: &Value, case: &Case, width: u32, name: &str) {
    assert!(seen["texts"].as_u64().unwrap() > 5, "{name}: {seen}");
    // WCAG 2.2, 1.4.3.
    assert_eq!(seen["low"], json!([]), "{name}: contrast");
    assert!(seen["width"].as_u64().unwrap() <= u64::from(width), "{name}: scrolls sideways: {}", seen["width"]);
    assert_eq!(seen["wide"], json!([]), "{name}: scrolls sideways inside");
    assert_eq!(seen["cut"], json!([]), "{name}: the picture is too narrow");
    // The style is in force: the policy has its hash.
    assert_eq!(seen["font"], "solid", "{name}");
    assert_eq!(seen["lang"], "en");
    assert_eq!(
        (&seen["duplicates"], &seen["handlers"], &seen["unnamed"]),
        (&json!([]), &json!([]), &json!(0)),
        "{name}"
    );
    let levels: Vec<i64> = seen["levels"].as_array().unwrap().iter().map(|level| level.as_i64().unwrap()).collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1), "{name}: {levels:?}");
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
    let pictures = seen["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), case.pictures, "{name}");
    for picture in pictures {
        assert!(picture[0].as_str().unwrap().starts_with("The path to "), "{name}: {picture}");
        assert!(picture[1].as_str().unwrap().starts_with("From this host"), "{name}: {picture}");
    }
    for element in seen["names"].as_array().unwrap() {
        assert!(OURS.contains(&element.as_str().unwrap()), "{name}: an element of a stranger: {element}");
    }
    for link in seen["links"].as_array().unwrap() {
        let link = link.as_str().unwrap();
        assert!(link.starts_with('#') || link == "data:," || link.starts_with("blob:null/"), "{name}: {link}");
    }
}

/// The checks see what is wrong: a page with one fault of each kind.
#[test]
fn planted_faults_are_seen() {
    let folder = folder("planted");
    let mut browser = Browser::start();
    let mut case = cases::all().remove(0);
    let faults = "<h4>Too deep</h4><p id=\"status\"><font color=\"#dddddd\" id=\"faint\">faint</font></p><button></button>\
                  <blink>odd</blink><table width=\"2000\"><tr><td>wide</td></tr></table><a href=\"http://evil.example/\">away</a>\
                  <svg width=\"20\" height=\"20\"><title>t</title><desc>d</desc><text y=\"9\">too long for it</text></svg></main>";
    case.html = case.html.replace("</main>", faults);
    browser.show(&file_of(&case, &folder), PHONE, "light");
    let seen = browser.evaluate(CHECKS);
    assert_eq!(seen["low"][0]["text"], "faint", "{seen}");
    assert_eq!(seen["cut"], json!(["too long for it"]));
    assert_eq!((&seen["duplicates"], &seen["unnamed"]), (&json!(["status"]), &json!(1)));
    assert!(
        seen["width"].as_u64().unwrap() >= 2000 && seen["levels"].as_array().unwrap().contains(&json!(4)),
        "{seen}"
    );
    assert!(seen["names"].as_array().unwrap().contains(&json!("blink")), "{seen}");
    assert!(seen["links"].as_array().unwrap().contains(&json!("http://evil.example/")), "{seen}");
    let found = axe(&mut browser).to_string();
    for rule in ["button-name", "color-contrast"] {
        assert!(found.contains(rule), "{rule}: {found}");
    }
    let (is_valid, said) = validated(&[file_of(&case, &folder)]);
    assert!(!is_valid && said.contains("no-dup-id") && said.contains("blink"), "{said}");
}

/// An expression that counts what is on a screen, by every seventh pixel.
fn counted(screen: &str) -> String {
    format!(
        "(async () => {{ const image = new Image(); image.src = 'data:image/png;base64,{screen}'; await image.decode(); \
         const canvas = new OffscreenCanvas(image.width, image.height); const context = canvas.getContext('2d'); \
         context.drawImage(image, 0, 0); const data = new Uint32Array(context.getImageData(0, 0, image.width, \
         image.height).data.buffer); let ink = 0; const colors = new Set(); for (let at = 0; at < data.length; at += 7) \
         if (data[at] !== data[0]) {{ ink += 7; colors.add(data[at]); }} \
         return {{ ink: ink / data.length, colors: colors.size, corner: data[0] & 255 }}; }})()"
    )
}

fn must_not_be_blank(counts: &Value, scheme: &str, name: &str) {
    assert!(counts["ink"].as_f64().unwrap() > 0.01, "{name}: {counts}");
    assert!(counts["colors"].as_u64().unwrap() > 16, "{name}: {counts}");
    let corner = counts["corner"].as_u64().unwrap();
    assert_eq!(corner > 127, scheme == "light", "{name}: {counts}");
}

#[test]
fn one_address_prints_on_one_or_two_pages() {
    let folder = folder("prints");
    let mut browser = Browser::start();
    for case in cases::all() {
        browser.show(&file_of(&case, &folder), DESK, "dark");
        let pdf = from_base64(&browser.print());
        std::fs::write(folder.join(format!("{}.pdf", case.name)), &pdf).unwrap();
        let pages = pages_of(&pdf);
        assert!(pages >= 1, "{}: no page", case.name);
        // Names of 250 letters and markup are no address of one's own.
        if case.addresses == 1 && !["hostile", "markup"].contains(&case.name) {
            assert!(pages <= 2, "{}: {pages} pages", case.name);
        }
        if browser.evaluate("document.getElementById('print-letters') !== null") == json!(true) {
            browser.evaluate("document.getElementById('print-letters').click()");
            let pdf = from_base64(&browser.print());
            std::fs::write(folder.join(format!("{}-letters.pdf", case.name)), &pdf).unwrap();
            assert!(pages_of(&pdf) > pages, "{}: no letter", case.name);
        }
    }
}

/// Page objects of a PDF (ISO 32000-1, 7.7.3.3), which browsers do not compress.
fn pages_of(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.match_indices("/Type /Page").filter(|(at, found)| !text[at + found.len()..].starts_with('s')).count()
}

/// What a stranger has written is there, as text, and in the JSON.
#[test]
fn markup_stays_text() {
    let folder = folder("markup");
    let mut browser = Browser::start();
    for (case, times) in cases::all().into_iter().filter(|case| case.html.contains("alert(")).map(|case| (case, 2)) {
        browser.show(&file_of(&case, &folder), DESK, "light");
        browser.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })");
        must_be_quiet(&browser.take_events(), case.name);
        let text = browser.evaluate("document.body.innerText");
        assert!(text.as_str().unwrap().matches(MARKUP).count() >= times, "{}: {text}", case.name);
        let json = browser.evaluate("JSON.parse(document.getElementById('report').textContent)");
        assert!(json.to_string().contains("alert(1)"), "{}: {json}", case.name);
        assert_eq!(json["schema"], "pmtu-probe/1", "{}", case.name);
        assert_eq!(browser.evaluate("document.scripts.length"), json!(2), "{}", case.name);
    }
}

/// A script that somebody smuggles in does not run, whatever made it an element.
#[test]
fn no_other_script_or_style_gets_past_the_policy() {
    let folder = folder("policy");
    let mut browser = Browser::start();
    let mut case = cases::all().remove(0);
    let smuggled = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">\
                    <style>h1 { display: none }</style><script src=\"http://evil.example/x.js\"></script></main>";
    case.html = case.html.replace("</main>", smuggled);
    browser.show(&file_of(&case, &folder), DESK, "light");
    let title = browser.evaluate("document.title");
    assert!(title.as_str().unwrap().contains("clear"), "{title}");
    assert_eq!(browser.evaluate("document.querySelector('h1').checkVisibility()"), json!(true));
    let blocked = browser.take_events().iter().filter(|event| event["method"] == "Audits.issueAdded").count();
    assert!(blocked >= 4, "{blocked}");
}

#[test]
fn buttons_copy_switch_and_download() {
    let folder = folder("buttons");
    let mut browser = Browser::start();
    let case = cases::all().into_iter().find(|case| case.name == "black_hole").unwrap();
    let file = file_of(&case, &folder);
    browser.show(&file, DESK, "light");

    browser.set_clipboard("granted");
    browser.click(".advice button");
    let copied = browser.evaluate("navigator.clipboard.readText()");
    assert_eq!(copied, browser.evaluate("document.querySelector('.advice pre').textContent"));
    let first = copied.as_str().unwrap().lines().next().unwrap().to_owned();
    assert_eq!(first, "nft add table inet pmtu_clamp");
    assert!(copied.as_str().unwrap().lines().count() > 4, "{copied}");
    assert_eq!(browser.evaluate("document.getElementById('status').textContent"), "Copied");

    // Where the page has no clipboard, the old way.
    browser.set_clipboard("granted");
    browser.evaluate("void navigator.clipboard.writeText('before')");
    browser.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
    browser.click(".advice button");
    let copied = browser.evaluate("new Promise(done => setTimeout(() => done(navigator.clipboard.readText()), 100))");
    assert!(copied.as_str().unwrap().starts_with(&first) && copied.as_str().unwrap().lines().count() > 4, "{copied}");

    let shown = "[...document.querySelectorAll('.letter pre')].filter(p => p.checkVisibility()).map(p => p.lang)";
    assert_eq!(browser.evaluate(shown), json!(["en"]));
    browser.click("button[data-language=de]");
    assert_eq!(browser.evaluate(shown), json!(["de"]));
    let letter = browser.evaluate("document.querySelector('.letter pre[lang=de]').textContent");
    assert!(letter.as_str().unwrap().contains("Sehr geehrte Damen und Herren"), "{letter}");

    let link = browser.evaluate(
        "(() => { const a = document.getElementById('download'); return [a.href, a.download, a.checkVisibility()]; })()",
    );
    assert!(link[0].as_str().unwrap().starts_with("blob:"), "{link}");
    assert_eq!((&link[1], &link[2]), (&json!("pmtu-probe.json"), &json!(true)));
    let downloads = folder.join("downloads");
    let _ = std::fs::remove_dir_all(&downloads);
    std::fs::create_dir_all(&downloads).unwrap();
    browser.call("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": downloads}));
    browser.click("#download");
    let saved = downloads.join("pmtu-probe.json");
    let written = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::fs::read(&saved).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
    });
    assert_eq!(written.expect("nothing was downloaded")["addresses"][0]["verdict"], "black_hole");
}

/// Without a script everything is there to read.
#[test]
fn nothing_is_hidden_where_no_script_runs() {
    let folder = folder("no-script");
    let mut browser = Browser::start();
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    let case = cases::all().into_iter().find(|case| case.name == "black_hole").unwrap();
    browser.show(&file_of(&case, &folder), DESK, "light");
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().unwrap();
    for words in ["Sehr geehrte", "Dear", "nft add table", "in the source of this page"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Copy") && !text.contains("Download"), "{text}");
}

/// axe-core is what accessibility checkers are made of; its rules are those of WCAG 2.2 and of good practice.
#[test]
fn axe_finds_nothing_to_complain_about() {
    let folder = folder("axe");
    let mut browser = Browser::start();
    // Contrast and width are looked at above in all combinations.
    let looks = [("light", DESK), ("dark", PHONE)].into_iter().cycle();
    for (case, (scheme, width)) in cases::all().into_iter().zip(looks) {
        browser.show(&file_of(&case, &folder), width, scheme);
        browser.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })");
        assert_eq!(axe(&mut browser), json!([]), "{} {scheme}", case.name);
    }
}

/// What axe complains about on the page that is shown.
fn axe(browser: &mut Browser) -> Value {
    let axe = std::fs::read_to_string(from_npm("axe-core/axe.min.js")).unwrap();
    browser.evaluate(&format!("(() => {{ {axe}\n }})(); axe.version"));
    browser.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(v => [v.id, v.help, \
         v.nodes.map(n => n.html)]))",
    )
}

#[test]
fn a_validator_accepts_every_page() {
    let folder = folder("valid");
    let files: Vec<PathBuf> = cases::all().iter().map(|case| file_of(case, &folder)).collect();
    let (is_valid, said) = validated(&files);
    assert!(is_valid, "{said}");
}

/// Whether html-validate accepts these, and what it says.
fn validated(files: &[PathBuf]) -> (bool, String) {
    let checked = Command::new("node")
        .arg(from_npm("html-validate/bin/html-validate.mjs"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/html/html-validate.json")])
        .args(files)
        .output()
        .unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    (checked.status.success(), String::from_utf8_lossy(&said).into_owned())
}
