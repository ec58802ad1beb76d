//! `fastdata schema`: the columns and their types.

use fastdata::{CancelToken, Scan};

use super::{print, to_json};
use crate::config::SchemaConfig;
use crate::failure::Failure;
use crate::output::{Grid, terminal_columns};

#[derive(serde::Serialize)]
struct Record {
    schema: &'static str,
    columns: Vec<Column>,
}

#[derive(serde::Serialize)]
struct Column {
    name: String,
    r#type: String,
    nullable: bool,
}

pub(crate) fn run(config: SchemaConfig, cancel: &CancelToken) -> Result<(), Failure> {
    let scan = Scan::open(config.request, cancel.clone())?;
    let fields = scan.schema().fields().iter();
    let columns = fields.map(|field| Column {
        name: field.name().clone(),
        r#type: fastdata::type_text(field.data_type()),
        nullable: field.is_nullable(),
    });
    let record = Record {
        schema: "fastdata.schema/1",
        columns: columns.collect(),
    };
    match config.json {
        true => print(&to_json(&record)?),
        false => print(&as_text(record)),
    }
}

fn as_text(record: Record) -> String {
    let headers = ["column", "type", "nullable"];
    let mut grid = Grid::new(
        headers
            .iter()
            .map(|name| ((*name).to_owned(), false))
            .collect(),
    );
    for column in record.columns {
        let nullable = if column.nullable { "yes" } else { "no" };
        grid.add(vec![column.name, column.r#type, nullable.to_owned()]);
    }
    grid.render(terminal_columns()).0
}
