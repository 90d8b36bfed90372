//! The command line.
//!
//! Guarantees: what goes wrong is one line on standard error that says what to do, and exit code 1; results go to
//! standard output, logs to standard error. Passwords come from standard input and never from an argument.

use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

use app::backend::Backend;
use app::backend::error::Stop;
use app::backend::mail::outcome::SendOutcome;
use app::backend::mail::transport::{Transport, send_test};
use app::backend::operator;
use app::domain::address::EmailAddress;
use app::domain::check::Registration;
use app::domain::password::Password;
use app::domain::problem::Refusal;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, Source, settings_table};
use crate::doctor::{self, Finding};
use crate::{serve, start, telemetry};

/// Vestibule, an account portal: people register, an administrator lets them in.
#[derive(Debug, Parser)]
#[command(
    name = "vestibule",
    version,
    about = "Vestibule, an account portal: people register, an administrator lets them in.",
    after_help = "Settings come from the environment: `vestibule settings` lists them."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portal (the default); brings the database up to date first.
    Serve,
    /// Bring the database up to date, and end.
    Migrate,
    /// List every setting, as Markdown.
    Settings,
    /// Look whether everything is there that the portal stands on; exit code 1 when something is not.
    Doctor,
    /// Look after mail.
    #[command(subcommand)]
    Mail(MailCommand),
    /// Look after administrators.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Look after one person.
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// Send one mail now, as the settings say, and tell what came of it.
    Test {
        /// To whom.
        #[arg(long)]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Create an active administrator; the address counts as confirmed.
    Create(CreateArguments),
    /// Make an active person with a confirmed address an administrator.
    Grant {
        /// Their username.
        name: String,
    },
    /// List the administrators.
    List,
}

#[derive(Debug, Args)]
struct CreateArguments {
    /// The username.
    #[arg(long)]
    username: String,
    /// The mail address.
    #[arg(long)]
    email: String,
    /// Read the password from standard input (one line).
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Print a link that signs an active person in, once.
    Link {
        /// Their username.
        name: String,
    },
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("The runtime could not be started ({error}).")),
    };
    match runtime.block_on(execute(arguments.command.unwrap_or(Command::Serve))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "what a person on a terminal reads")]
fn complain(line: &str) -> ExitCode {
    eprintln!("vestibule: {line}");
    ExitCode::FAILURE
}

/// Whoever reads may have had enough (`vestibule settings | head`): that is no fault.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn execute(command: Command) -> Result<(), ConfigError> {
    if let Command::Settings = command {
        say(settings_table().trim_end());
        return Ok(());
    }
    let config = Config::read(&Source::process()?)?;
    telemetry::start(config.settings.environment, &config.log)?;
    match command {
        Command::Serve => serve::serve(config).await,
        Command::Migrate => {
            start::migrate(&start::database(&config).await?).await?;
            say("The database is up to date.");
            Ok(())
        }
        Command::Doctor => diagnose(&config).await,
        Command::Mail(MailCommand::Test { to }) => test_mail(&config, &to).await,
        Command::Admin(command) => administer(&start::backend(&config).await?, command).await,
        Command::User(UserCommand::Link { name }) => {
            let backend = start::backend(&config).await?;
            say(&operator::make_user_link(&backend, &name).await.map_err(stopped)?);
            Ok(())
        }
        Command::Settings => Ok(()),
    }
}

async fn diagnose(config: &Config) -> Result<(), ConfigError> {
    let findings = doctor::examine(config).await;
    for finding in &findings {
        say(&finding.to_string());
    }
    let bad = findings.iter().filter(|finding| matches!(finding, Finding::Bad(..))).count();
    match bad {
        0 => Ok(()),
        1 => Err(ConfigError("One thing has to be mended.".to_owned())),
        bad => Err(ConfigError(format!("{bad} things have to be mended."))),
    }
}

async fn test_mail(config: &Config, to: &str) -> Result<(), ConfigError> {
    let address = EmailAddress::parse(to)
        .map_err(|_| ConfigError("--to: must be an address like name@example.com.".to_owned()))?;
    let transport = Transport::new(&config.settings).map_err(|e| ConfigError(e.to_string()))?;
    match send_test(&transport, &config.settings, address.as_str()).await {
        SendOutcome::Accepted => {
            say(&format!("Accepted. Look whether it has arrived at {to}."));
            Ok(())
        }
        SendOutcome::Again { reason, .. } => Err(ConfigError(format!("Not sent, for now: {reason}."))),
        SendOutcome::Refused(reason) => Err(ConfigError(format!("Refused: {reason}."))),
    }
}

async fn administer(backend: &Backend, command: AdminCommand) -> Result<(), ConfigError> {
    match command {
        AdminCommand::Create(arguments) => {
            let password = read_password()?;
            let least = backend.settings.password_min_length;
            let form = Registration::parse(
                &arguments.username,
                &arguments.email,
                password.clone(),
                &password,
                least,
            )
            .map_err(|refusal| refused(&refusal))?;
            operator::create_admin(backend, form).await.map_err(stopped)?;
            say(&format!("{} is an administrator and can sign in.", arguments.username));
        }
        AdminCommand::Grant { name } => {
            operator::grant_admin(backend, &name).await.map_err(stopped)?;
            say(&format!("{name} is an administrator. They have to sign in again."));
        }
        AdminCommand::List => {
            for admin in operator::list_admins(backend).await.map_err(|e| ConfigError(e.to_string()))? {
                say(&format!("{}\t{}\t{}", admin.username, admin.email, admin.status));
            }
        }
    }
    Ok(())
}

fn read_password() -> Result<Password, ConfigError> {
    let mut text = String::new();
    // Its first line: a second one would become part of a password that no form can send.
    std::io::BufReader::new(std::io::stdin().take(4_096))
        .read_line(&mut text)
        .map_err(|e| ConfigError(format!("The password could not be read from standard input ({e}).")))?;
    Ok(Password::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn stopped(stop: Stop) -> ConfigError {
    match stop {
        Stop::Refused(refusal) => refused(&refusal),
        Stop::Failed(failure) => ConfigError(failure.to_string()),
    }
}

fn refused(refusal: &Refusal) -> ConfigError {
    let fields = refusal.fields.iter().map(|f| format!("{}: {}", f.field.name(), f.problem.words()));
    let form = refusal.form.iter().map(|problem| problem.words());
    ConfigError(fields.chain(form).collect::<Vec<_>>().join(" "))
}
