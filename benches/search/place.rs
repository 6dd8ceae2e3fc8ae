//! Where a crowd is kept: a folder with a file, or a schema of a server.

use std::path::PathBuf;

use denizen::{
    app::App,
    config::{Config, Source},
    db::Engine,
};

/// One database.
#[derive(Clone)]
pub struct Place {
    pub engine: Engine,
    pub folder: PathBuf,
    pub url: String,
    pub schema: String,
}

/// The secret of databases that hold nothing.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

impl Place {
    pub fn new(engine: Engine, work: &std::path::Path, url: &str, size: u64) -> Self {
        let name = format!("{}_{size}", if engine == Engine::Sqlite { "sqlite" } else { "postgres" });
        let folder = work.join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        Self { engine, folder, url: format!("{url}?sslmode=disable"), schema: name }
    }

    /// The name of the engine.
    pub fn name(&self) -> &'static str {
        if self.engine == Engine::Sqlite { "SQLite" } else { "PostgreSQL" }
    }

    /// The settings that lead here, for the service and for this program alike.
    pub fn settings(&self) -> Vec<(String, String)> {
        let folder = self.folder.display().to_string();
        let mut settings = vec![("DATA_DIR", folder.as_str()), ("LOG_FILE", ""), ("ACCESS_LOG", "")];
        settings.push(("MASTER_KEY", KEY));
        if self.engine == Engine::Postgres {
            settings.extend([("DATABASE_URL", self.url.as_str()), ("DATABASE_SCHEMA", &self.schema)]);
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Opens it in this process.
    pub async fn open(&self) -> App {
        let settings = self.settings();
        let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (config, _) = Config::load(&Source::of(settings)).unwrap();
        let app = App::open(config).await.unwrap();
        app.db.map();
        app
    }
}
