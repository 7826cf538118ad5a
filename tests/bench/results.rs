//! The table and the file.

use anyhow::Context as _;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The unit of ratios, which hold on any machine; they are printed first.
const RATIO: &str = "×";

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Option<f64>,
    met: Option<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct Results(Vec<Row>);

impl Results {
    /// A figure without a goal of its own.
    pub(crate) fn add(&mut self, name: String, value: f64, unit: &'static str) {
        self.push(Row { name, value, unit, goal: None, met: None });
    }

    /// A figure that must not be more than its goal.
    pub(crate) fn add_at_most(&mut self, name: String, value: f64, unit: &'static str, goal: Option<f64>) {
        self.push(Row { name, value, unit, goal, met: goal.map(|goal| value <= goal) });
    }

    /// A figure that must not be less than its goal.
    pub(crate) fn add_at_least(&mut self, name: String, value: f64, unit: &'static str, goal: Option<f64>) {
        self.push(Row { name, value, unit, goal, met: goal.map(|goal| value >= goal) });
    }

    fn push(&mut self, row: Row) {
        eprintln!("{} = {:.3} {}", row.name, row.value, row.unit);
        self.0.push(row);
    }

    /// Ratios first.
    pub(crate) fn print(&self) {
        let (ratios, others): (Vec<&Row>, Vec<&Row>) = self.0.iter().partition(|row| row.unit == RATIO);
        println!("{:<58} {:>12} {:<12} {:>8} {:>5}", "", "value", "unit", "goal", "met");
        for row in ratios.into_iter().chain(others) {
            let goal = row.goal.map_or_else(|| "–".to_owned(), |goal| goal.to_string());
            let met = row.met.map_or("–", |met| if met { "yes" } else { "no" });
            println!("{:<58} {:>12.2} {:<12} {goal:>8} {met:>5}", row.name, row.value, row.unit);
        }
    }

    /// Writes `target/bench/results.json` and says where that is.
    pub(crate) fn write(&self) -> anyhow::Result<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("tests/ lies in the workspace")?;
        let folder = root.join("target/bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("results.json");
        std::fs::write(&path, serde_json::to_string_pretty(&self.0)? + "\n")?;
        Ok(path)
    }
}
