//! The command line.
//!
//! # Guarantees
//!
//! - An error is one line on standard error that says what to do, and the exit code is 1.
//! - Results go to standard output, logs to standard error.
//! - Passwords come from standard input and never from an argument.

pub mod demo;
pub mod doctor;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cli::doctor::Finding;
use crate::config::{Config, ConfigError, Source, settings_tables};
use crate::{serve, startup, telemetry};
use backend::Backend;
use backend::admin::commands;
use backend::auth::password::normalize;
use backend::email::delivery::SendResult;
use backend::email::transport::{Transport, send_test};
use backend::error::{InternalError, UseCaseError};
use backend::settings::EmailTransport;
use domain::email_address::EmailAddress;
use domain::errors::{ErrorCode, FormErrors};
use domain::password::{NormalizedPassword, Password};
use domain::status::{Role, Status};
use domain::validation::Registration;

/// Account portal with administrator approval
#[derive(Debug, Parser)]
#[command(
    name = "vestibule",
    version,
    about = "Account portal with administrator approval",
    after_help = "Settings are environment variables. Run \"vestibule settings\" to list them."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (default). Applies pending migrations first
    Serve,
    /// Apply pending database migrations and exit
    Migrate,
    /// Print all settings as Markdown tables
    Settings,
    /// Fill an empty database with invented people (only in development)
    #[command(hide = true)]
    Demo,
    /// Check settings, database, Redis, email, Microsoft and proxies (exits with 1 if a check fails)
    Doctor,
    /// Email commands
    #[command(subcommand)]
    Mail(MailCommand),
    /// Administrator commands
    #[command(subcommand)]
    Admin(AdminCommand),
    /// User commands
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// Send a test email now and print the result
    Test {
        /// Recipient email address
        #[arg(long, value_name = "EMAIL")]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Create an administrator account (the email address counts as confirmed)
    Create(CreateArguments),
    /// Make an active user with a confirmed email address an administrator
    Grant {
        /// Username
        name: String,
    },
    /// List administrators
    List,
}

#[derive(Debug, Args)]
struct CreateArguments {
    /// Username
    #[arg(long)]
    username: String,
    /// Email address
    #[arg(long)]
    email: String,
    /// Read the password from standard input (one line)
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Print a one-time sign-in link for an active user
    Link {
        /// Username
        name: String,
    },
}

/// The reason why a command failed, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CliError(pub String);

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self(error.0)
    }
}

impl From<UseCaseError> for CliError {
    fn from(error: UseCaseError) -> Self {
        match error {
            UseCaseError::Rejected(errors) => errors.into(),
            UseCaseError::Internal(error) => Self(error.to_string()),
        }
    }
}

impl From<InternalError> for CliError {
    fn from(error: InternalError) -> Self {
        Self(error.to_string())
    }
}

impl From<FormErrors> for CliError {
    fn from(errors: FormErrors) -> Self {
        let fields = errors.fields.iter().map(|f| format!("{}: {}", f.field.name(), f.code.message()));
        let form = errors.form.iter().map(|code| code.message());
        Self(fields.chain(form).collect::<Vec<_>>().join(" "))
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print_error(&format!("The runtime could not be started ({error}).")),
    };
    let result = runtime.block_on(execute(arguments.command.unwrap_or(Command::Serve)));
    // Work that was cut off does not delay the exit.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print_error(&error.to_string()),
    }
}

/// Prints an error and returns the exit code of a failure.
#[expect(clippy::print_stderr, reason = "text for a person at a terminal")]
fn print_error(line: &str) -> ExitCode {
    eprintln!("vestibule: {line}");
    ExitCode::FAILURE
}

/// Prints a line. An error is ignored, because the reader may have closed the pipe (`vestibule settings | head`).
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn execute(command: Command) -> Result<(), CliError> {
    if let Command::Settings = command {
        print_line(settings_tables().trim_end());
        return Ok(());
    }
    let config = match configure() {
        Err(error) if matches!(command, Command::Doctor) => {
            print_line(&doctor::invalid_setting(error).to_string());
            return Err(CliError("1 check failed.".to_owned()));
        }
        config => config?,
    };
    match command {
        Command::Serve => Ok(serve::serve(config).await?),
        Command::Migrate => {
            startup::migrate(&startup::database(&config).await?).await?;
            print_line("The database is up to date.");
            Ok(())
        }
        Command::Demo => fill_demo(&config).await,
        Command::Doctor => run_doctor(&config).await,
        Command::Mail(MailCommand::Test { to }) => send_test_email(&config, &to).await,
        Command::Admin(command) => run_admin_command(&startup::backend(&config).await?, command).await,
        Command::User(UserCommand::Link { name }) => {
            let backend = startup::backend(&config).await?;
            print_line(&commands::make_user_link(&backend, &name).await?);
            Ok(())
        }
        Command::Settings => Ok(()),
    }
}

/// Reads the settings and starts the log.
fn configure() -> Result<Config, ConfigError> {
    let config = Config::read(&Source::process()?)?;
    telemetry::start(config.settings.environment, &config.log)?;
    Ok(config)
}

/// Refuses production before it connects to a database.
async fn fill_demo(config: &Config) -> Result<(), CliError> {
    demo::require_development(config.settings.environment)?;
    let backend = startup::backend(config).await?;
    demo::fill(&backend).await?;
    print_line(&demo::instructions(&backend));
    Ok(())
}

async fn run_doctor(config: &Config) -> Result<(), CliError> {
    let findings = doctor::examine(config).await;
    for finding in &findings {
        print_line(&finding.to_string());
    }
    let failures = findings.iter().filter(|finding| matches!(finding, Finding::Fail(..))).count();
    match failures {
        0 => Ok(()),
        1 => Err(CliError("1 check failed.".to_owned())),
        failures => Err(CliError(format!("{failures} checks failed."))),
    }
}

async fn send_test_email(config: &Config, to: &str) -> Result<(), CliError> {
    let address = EmailAddress::parse(to)
        .map_err(|_| CliError("--to: must be an email address, for example name@example.com.".to_owned()))?;
    let transport = Transport::new(&config.settings).map_err(|e| CliError(e.to_string()))?;
    match send_test(&transport, &config.settings, address.as_str()).await {
        SendResult::Accepted => {
            print_line(&match &config.settings.email_transport {
                EmailTransport::File(folder) => format!("The email was written to {}.", folder.display()),
                EmailTransport::Smtp(_) => {
                    format!("The mail server accepted the email. Check the inbox of {to}.")
                }
                EmailTransport::Graph(_) => {
                    format!("Microsoft Graph accepted the email. Check the inbox of {to}.")
                }
            });
            Ok(())
        }
        SendResult::TemporaryFailure { reason, .. } => Err(CliError(format!("Sending failed: {reason}."))),
        SendResult::PermanentFailure(reason) => {
            Err(CliError(format!("The recipient was rejected: {reason}.")))
        }
    }
}

async fn run_admin_command(backend: &Backend, command: AdminCommand) -> Result<(), CliError> {
    match command {
        AdminCommand::Create(arguments) => {
            let password = read_password()?;
            let min_length = backend.settings.password_min_length;
            let form = Registration::parse(
                &arguments.username,
                &arguments.email,
                password.clone(),
                &password,
                min_length,
            )?;
            let email = form.email.clone();
            match commands::create_admin(backend, form).await {
                Err(UseCaseError::Rejected(errors)) if errors.form == Some(ErrorCode::EmailTaken) => {
                    return Err(email_taken(backend, &email, errors).await);
                }
                created => created?,
            };
            print_line(&format!("{} is now an administrator and can sign in.", arguments.username));
        }
        AdminCommand::Grant { name } => {
            commands::grant_admin(backend, &name).await?;
            print_line(&format!("{name} is now an administrator and must sign in again."));
        }
        AdminCommand::List => {
            for admin in commands::list_admins(backend).await.map_err(UseCaseError::from)? {
                print_line(&format!("{}\t{}\t{}", admin.username, admin.email, admin.status.as_str()));
            }
        }
    }
    Ok(())
}

/// Returns the error for a new administrator with the email address of an account: what to do with the account instead.
async fn email_taken(backend: &Backend, email: &EmailAddress, errors: FormErrors) -> CliError {
    let owner = match commands::find_owner(backend, email).await {
        Ok(Some(owner)) => owner,
        Ok(None) => return errors.into(),
        Err(error) => return CliError(error.to_string()),
    };
    let name = owner.username;
    CliError(match (owner.status, owner.role) {
        (Status::Active, Role::Admin) => format!(
            "email: {name} has this email address and is already an administrator. For a sign-in link, run \
             \"vestibule user link {name}\"."
        ),
        (Status::Active, Role::Member) => format!(
            "email: the account {name} has this email address. To make it an administrator, run \"vestibule admin grant {name}\"."
        ),
        (status, _) => format!(
            "email: the account {name} has this email address and is {}. Create an administrator with another email address, \
             then change the status of {name} on the admin pages.",
            status.as_str()
        ),
    })
}

fn read_password() -> Result<NormalizedPassword, CliError> {
    let mut text = String::new();
    // Only the first line: a line break would become part of a password that no form can send.
    std::io::BufReader::new(std::io::stdin().take(4_096))
        .read_line(&mut text)
        .map_err(|e| CliError(format!("The password could not be read from standard input ({e}).")))?;
    Ok(normalize(&Password::from(text.trim_end_matches(['\r', '\n']).to_owned())))
}
