use super::*;

fn target(text: &str) -> Result<Target, TargetError> {
    text.parse()
}

fn parsed(text: &str) -> Target {
    target(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// (typed, host, port, bracketed)
#[test]
fn every_accepted_form() {
    let rows: &[(&str, &str, Option<u16>, bool)] = &[
        ("mx.example.com", "mx.example.com", None, false),
        ("mx.example.com.", "mx.example.com.", None, false),
        ("localhost", "localhost", None, false),
        ("mx.example.com:587", "mx.example.com", Some(587), false),
        ("_smtp-in.3com.example", "_smtp-in.3com.example", None, false),
        ("4.example", "4.example", None, false),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None, false),
        ("192.0.2.25", "192.0.2.25", None, false),
        ("192.0.2.25:2525", "192.0.2.25", Some(2525), false),
        ("2001:db8::25", "2001:db8::25", None, false),
        ("2001:db8::1:25", "2001:db8::1:25", None, false),
        ("::1", "::1", None, false),
        ("::ffff:192.0.2.25", "192.0.2.25", None, false),
        ("[2001:db8::25]", "2001:db8::25", None, true),
        ("[2001:db8::25]:65535", "2001:db8::25", Some(65_535), true),
        ("[IPv6:2001:db8::25]:25", "2001:db8::25", Some(25), true),
        ("[mx.example.com]", "mx.example.com", None, true),
        ("[mx.example.com]:1", "mx.example.com", Some(1), true),
        ("[192.0.2.25]:25", "192.0.2.25", Some(25), true),
        ("fe80::1%eth0", "fe80::1%eth0", None, false),
        ("fe80::1%2", "fe80::1%2", None, false),
        ("[fe80::1%eth0.100]:25", "fe80::1%eth0.100", Some(25), true),
    ];
    for (typed, host, port, bracketed) in rows {
        let target = parsed(typed);
        assert_eq!(
            (target.host.to_string().as_str(), target.port, target.bracketed),
            (*host, *port, *bracketed),
            "{typed}"
        );
    }
}

#[test]
fn a_name_is_a_name_and_an_address_is_an_address() {
    assert!(matches!(parsed("mx.example.com").host, Host::Name(_)));
    assert!(matches!(parsed("[192.0.2.1]").host, Host::Address { address: IpAddr::V4(_), zone: None }));
    assert!(matches!(parsed("fe80::1%eth0").host, Host::Address { zone: Some(zone), .. } if zone.as_str() == "eth0"));
}

#[test]
fn what_is_displayed_parses_to_the_same_target() {
    for typed in ["mx.example.com", "mx.example.com:25", "[mx.example.com]:25", "::1", "[::1]:25", "[fe80::1%lo]:25"] {
        let target = parsed(typed);
        assert_eq!(target.to_string(), typed);
        assert_eq!(parsed(&target.to_string()), target);
    }
}

#[test]
fn every_refused_form_says_why() {
    let label64 = "a".repeat(64);
    let long_name = format!("{0}.{0}.{0}.{0}", "a".repeat(63));
    let rows: &[(&str, &str)] = &[
        ("", "empty"),
        ("[]", "empty"),
        (":25", "empty"),
        (" ", "space"),
        ("mx.example.com ", "space"),
        ("mx\u{0}.example.com", "control"),
        ("mx.example.com\n", "control"),
        ("\u{1b}[31mred", "control"),
        ("https://example.com/path", "is a URL"),
        ("smtp://[2001:db8::1]:25", "is a URL"),
        ("postmaster@example.com", "give its domain, `example.com`"),
        ("[2001:db8::1", "unmatched bracket"),
        ("2001:db8::1]", "unmatched bracket"),
        ("mx[1].example.com", "unmatched bracket"),
        ("[mx.example.com]25", "unmatched bracket"),
        ("[[::1]]", "unmatched bracket"),
        ("mx.example.com:0", "is no port"),
        ("mx.example.com:70000", "is no port"),
        ("mx.example.com:", "is no port"),
        ("mx.example.com:+25", "is no port"),
        ("mx.example.com:smtp", "is no port"),
        ("[::1]:0", "is no port"),
        (&long_name, "253 characters"),
        (&label64, "63 characters"),
        ("mx..example.com", "empty part"),
        (".example.com", "empty part"),
        (".", "empty part"),
        ("-mx.example.com", "is no host name"),
        ("mx-.example.com", "is no host name"),
        ("example.com/25", "is no host name"),
        ("mx,example.com", "is no host name"),
        ("bü cher.example", "space"),
        ("\u{202e}bücher.example", "no internationalised"),
        ("bücher-.example", "no internationalised"),
        ("１９２.0.2.300", "no internationalised"),
        ("300.1.1.1", "is no IPv4 address"),
        ("1.2.3", "is no IPv4 address"),
        ("0x7f.1", "is no IPv4 address"),
        ("127.0x1", "is no IPv4 address"),
        ("2130706433", "is no IPv4 address"),
        ("2001:db8:::1", "is no IPv6 address"),
        ("mx.example.com:25:25", "is no IPv6 address"),
        ("[::g]", "is no IPv6 address"),
        ("fe80::1", "fe80::1%eth0"),
        ("fe80::1%", "is no interface"),
        ("fe80::1%an-interface-too-long", "is no interface"),
        ("fe80::1%eth/0", "is no interface"),
        ("2001:db8::1%eth0", "not link-local"),
        ("0.0.0.0", "not the address of one host"),
        ("::", "not the address of one host"),
        ("224.0.0.1", "not the address of one host"),
        ("ff02::1", "not the address of one host"),
        ("255.255.255.255", "not the address of one host"),
    ];
    for (typed, why) in rows {
        let error = target(typed).expect_err(typed).to_string();
        assert!(error.contains(why), "{typed:?}: {error}");
        assert!(!error.chars().any(char::is_control), "{typed:?} reaches the terminal raw: {error:?}");
    }
}

/// (typed, A-labels, shown)
#[test]
fn internationalised_names_are_asked_for_in_ascii_and_shown_as_written() {
    for (typed, ascii, shown) in [
        ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example.", "bücher.example."),
        ("straße.example", "xn--strae-oqa.example", "straße.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai", "пример.рф"),
    ] {
        let Host::Name(name) = parsed(typed).host else { panic!("{typed} is no name") };
        assert_eq!((name.as_str(), name.to_string().as_str()), (ascii, shown), "{typed}");
        assert_eq!(name.described(), format!("{shown} ({ascii})"));
    }
    let Host::Name(name) = parsed("xn--bcher-kva.example").host else { panic!("a name") };
    assert_eq!(name.described(), "xn--bcher-kva.example");
    assert_eq!(parsed("[bücher.example]:587").to_string(), "[bücher.example]:587");
}

#[test]
fn the_longest_legal_name_is_accepted() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    assert!(target(&longest).is_ok());
    assert!(target(&format!("{longest}.")).is_ok(), "the final dot does not count");
    assert!(target(&format!("{longest}a")).is_err());
}

proptest::proptest! {
    #[test]
    fn no_input_panics_and_no_message_is_long(text in ".{0,300}") {
        if let Err(error) = target(&text) {
            let message = error.to_string();
            proptest::prop_assert!(message.lines().count() == 1, "{message}");
        }
    }
}

/// What the mapping of IDNA (UTS 46) turns into ASCII has no second form to show.
#[test]
fn letters_that_become_ascii_make_the_plain_name() {
    let plain = HostName::parse("mx.example.com");
    for text in ["ｍｘ.example.com", "mx.exam\u{ad}ple.com", "mx\u{3002}example\u{ff0e}com"] {
        let name = HostName::parse(text);
        assert_eq!(name, plain, "{text:?}");
        assert_eq!(name.map(|name| name.described()), Ok("mx.example.com".to_owned()));
    }
}
