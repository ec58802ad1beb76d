//! Two tables matched shard by shard: groups of one of them, a task each, the results in one table.

#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};
use fastdata_frame::{DataFrame, GroupBy, Rows, Table, TableRows};
use fastdata_kernels::select::NullAs;

fn folder(task: &Task) -> fastdata_flow::Result<PathBuf> {
    Ok(PathBuf::from(task.get::<String>("folder")?))
}

/// Writes the tables; in earnest they are there.
fn start(task: &mut Task) -> Outcome {
    let folder = folder(task)?;
    std::fs::create_dir_all(folder.join("orders"))?;
    let rows: i64 = task.get("rows")?;
    for part in 0..4 {
        let ids = || (0..rows).filter(|id| id % 4 == part);
        let columns: [(&str, ArrayRef); 3] = [
            ("order", Arc::new(Int64Array::from_iter_values(ids()))),
            (
                "customer",
                Arc::new(Int64Array::from_iter_values(ids().map(|id| id * 7 % 150))),
            ),
            (
                "amount",
                Arc::new(Int64Array::from_iter_values(ids().map(|id| id % 1000))),
            ),
        ];
        let orders = DataFrame::from(RecordBatch::try_from_iter(columns)?);
        let path = folder.join(format!("orders/part-{part}.parquet"));
        orders.write_parquet(path, &Default::default())?;
    }
    // Not every order has a customer who is known.
    let names = (0..100).map(|id| format!("customer {id}"));
    let columns: [(&str, ArrayRef); 2] = [
        ("customer", Arc::new(Int64Array::from_iter_values(0..100))),
        ("name", Arc::new(StringArray::from_iter_values(names))),
    ];
    let customers = DataFrame::from(RecordBatch::try_from_iter(columns)?);
    customers.write_parquet(folder.join("customers.parquet"), &Default::default())?;

    let orders = Table::new(folder.join("orders").display().to_string());
    let wanted = TableRows {
        filter: Some("amount >= 500".to_owned()),
        ..TableRows::default()
    };
    let shards: i64 = task.get("shards")?;
    let groups = orders.groups(usize::try_from(shards)?, GroupBy::Rows, &wanted)?;
    task.set_groups("shard_list", &groups)?;
    Ok(())
}

fn ids(frame: &DataFrame) -> Result<Vec<i64>, Box<dyn std::error::Error + Send + Sync>> {
    let array = frame.column("customer")?.to_array()?;
    Ok(array.as_primitive::<Int64Type>().values().to_vec())
}

/// The orders of one group with the names of their customers.
fn match_shard(task: &mut Task) -> Outcome {
    let orders = task.group()?.read()?;
    let customers = Table::new(
        folder(task)?
            .join("customers.parquet")
            .display()
            .to_string(),
    );
    let customers = customers.get_all(None)?;
    let place: HashMap<i64, i64> = ids(&customers)?.into_iter().zip(0..).collect();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (row, customer) in (0..).zip(ids(&orders)?) {
        if let Some(found) = place.get(&customer) {
            left.push(row);
            right.push(*found);
        }
    }
    let take = |frame: &DataFrame, rows: Vec<i64>| {
        let rows: ArrayRef = Arc::new(Int64Array::from(rows));
        let rows = DataFrame::from(RecordBatch::try_from_iter([("row", rows)])?);
        let taken = frame.take(&Rows::Positions(rows.column("row")?), NullAs::False)?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(taken)
    };
    let (orders, customers) = (take(&orders, left)?, take(&customers, right)?);
    let columns: [(&str, ArrayRef); 3] = [
        ("order", orders.column("order")?.to_array()?),
        ("amount", orders.column("amount")?.to_array()?),
        ("name", customers.column("name")?.to_array()?),
    ];
    task.set_frame(
        "matched",
        &DataFrame::from(RecordBatch::try_from_iter(columns)?),
    )?;
    Ok(())
}

fn join(task: &mut Task, inputs: &Inputs) -> Outcome {
    let matched: Result<Vec<DataFrame>, _> =
        inputs.iter().map(|input| input.frame("matched")).collect();
    let result = DataFrame::concat(&matched?)?;
    result.write_parquet(folder(task)?.join("result.parquet"), &Default::default())?;
    task.set_frame("result", &result)?;
    Ok(())
}

fn end(task: &mut Task) -> Outcome {
    println!("{} orders matched", task.frame("result")?.num_rows());
    Ok(())
}

fn main() -> ExitCode {
    Flow::new("Tables")
        .about("Matches orders with customers, shard by shard")
        .param(Param::new("folder", "tables").help("Where the tables are"))
        .param(Param::new("rows", 20_000_i64).help("How many orders there are"))
        .param(Param::new("shards", 3_i64).help("How many tasks share them"))
        .step(Step::new("start", start).foreach("match_shard", "shard_list"))
        .step(Step::new("match_shard", match_shard).next("join"))
        .step(Step::join("join", join).next("end"))
        .step(Step::new("end", end))
        .main()
}
