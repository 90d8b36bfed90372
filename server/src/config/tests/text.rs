//! Tests of the text of settings: marks that no one intended, and secrets from files.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn every_setting_in_quotation_marks_or_with_an_invisible_character_in_it_is_refused() {
    for setting in SETTINGS.iter().filter(|setting| setting.name != "SECRET_KEY_PREVIOUS") {
        for (value, problem) in [
            ("\"value\"", "quotation marks"),
            ("'value'", "quotation marks"),
            ("\u{201c}value\u{201d}", "quotation marks"),
            ("val\u{feff}ue", "invisible characters"),
            ("val\u{200b}ue", "invisible characters"),
        ] {
            let line = errors((setting.name, value));
            assert!(line.starts_with(&format!("{}: must not ", setting.name)), "{value:?}: {line}");
            assert!(line.contains(problem), "{value:?}: {line}");
        }
    }
}

#[test]
fn a_key_that_was_used_in_quotation_marks_can_be_the_previous_key() {
    let settings = with(&[("SECRET_KEY_PREVIOUS", "\"WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMb\"")]);
    let previous = Config::read(&Source::of(&settings)).expect("valid").secret_key_previous.expect("a key");
    assert!(previous.expose_secret().starts_with('"'));
}

#[test]
fn invisible_characters_around_a_value_are_no_part_of_it() {
    let plain = Config::read(&Source::of(PROD)).expect("is accepted");
    for mark in ["\u{feff}", "\u{200b}", "\u{2060}", "\u{200e}", "\u{a0}", " ", "\r\n"] {
        let marked: Vec<(&str, String)> =
            PROD.iter().map(|(name, value)| (*name, format!("{mark}{value}{mark}"))).collect();
        let marked: Vec<(&str, &str)> = marked.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = Config::read(&Source::of(&marked)).expect("is accepted");
        assert_eq!(config.settings.public_url, plain.settings.public_url, "{mark:?}");
        assert_eq!(config.secret_key.expose_secret(), plain.secret_key.expose_secret(), "{mark:?}");
        assert_eq!(config.database_url.expose_secret(), plain.database_url.expose_secret(), "{mark:?}");
        // A value of only such characters is empty, and an empty setting is not set.
        let line = errors(("SECRET_KEY", mark));
        assert!(line.starts_with("SECRET_KEY: must be set"), "{mark:?}: {line}");
    }
}

#[test]
fn an_empty_setting_is_not_set() {
    let plain = format!("{:?}", Config::read(&Source::of(PROD)).expect("is accepted"));
    let optional =
        SETTINGS.iter().map(|setting| setting.name).filter(|name| PROD.iter().all(|(set, _)| set != name));
    for name in optional {
        let config = Config::read(&Source::of(&with(&[(name, "")]))).expect(name);
        assert_eq!(format!("{config:?}"), plain, "{name}");
    }
}

#[test]
fn a_secret_from_a_file_is_the_text_without_the_marks_of_editors() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    let path = file.to_str().expect("is text");
    let key = PROD[2].1;
    let read = |content: &[u8]| {
        std::fs::write(&file, content).expect("is written");
        let without: Vec<_> = with(&[("SECRET_KEY_FILE", path)]);
        let without: Vec<_> = without.into_iter().filter(|(name, _)| *name != "SECRET_KEY").collect();
        Config::read(&Source::of(&without)).map(|config| config.secret_key.expose_secret().to_owned())
    };
    for content in [format!("\u{feff}{key}\r\n"), format!("{key}\n\n"), format!(" {key}\u{200b}")] {
        assert_eq!(read(content.as_bytes()).expect("is accepted"), key, "{content:?}");
    }
    // openssl writes a long key in several lines.
    let long = format!("{key}\n{key}WjzF");
    assert_eq!(read(format!("{long}\n").as_bytes()).expect("is accepted"), long);
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(key.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (content, problem) in [
        (b"".as_slice(), "is empty"),
        ("\u{feff}\r\n".as_bytes(), "is empty"),
        (format!("\"{key}\"").as_bytes(), "must not be in quotation marks"),
        (utf16.as_slice(), "must be a readable text file"),
    ] {
        let line = read(content).expect_err("is refused").0;
        assert!(line.starts_with("SECRET_KEY") && line.contains(problem) && !line.contains(key), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
