//! Tests of the command line.

use clap::CommandFactory;

use super::*;

/// Returns the full name and the help text of each command that runs, in order.
fn runnable(command: &clap::Command, name: &str) -> Vec<(String, String)> {
    if !command.has_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        return vec![(name.to_owned(), about)];
    }
    command.get_subcommands().flat_map(|sub| runnable(sub, &format!("{name} {}", sub.get_name()))).collect()
}

#[test]
fn the_reference_page_has_every_command_with_its_help_text() {
    let page = include_str!("../../../docs/reference/commands.md");
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| `vestibule ")).collect();
    let commands = runnable(&Arguments::command(), "vestibule");
    for (name, about) in &commands {
        let row = format!("| `{name}` | {about} |");
        assert!(
            listed.iter().any(|line| line.starts_with(&row)),
            "docs/reference/commands.md should have: {row}"
        );
    }
    assert_eq!(listed.len(), commands.len(), "every listed command exists");
}

#[test]
fn a_wrong_setting_is_a_failed_check() {
    for (values, line) in [
        (("SESSION_IDLE", "60s"), "fail  SESSION_IDLE: must be at least 2m. Fix: correct the setting"),
        (
            ("SECRET_KEY_FILE", "/nowhere"),
            "fail  settings: SECRET_KEY_FILE: /nowhere must be a readable text file",
        ),
    ] {
        let error = Config::read(&Source::of(&[values])).expect_err("is refused");
        let finding = doctor::invalid_setting(error).to_string();
        assert!(finding.starts_with(line) && !finding.contains(".."), "{finding}");
    }
}
