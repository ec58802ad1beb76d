//! How many connections it takes to fill a line: downloads with a given number, as a picture.

use plotters::prelude::*;

use super::super::report::median;
use super::{Args, Found, Load, Measured, line, measure, share};
use crate::process::{Result, print, say};
use crate::workspace;

const CONNECTIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const OBJECT_BYTES: u64 = 1 << 29;

/// Clients whose connections can be counted out, and their colours.
const CLIENTS: [(&str, RGBColor); 2] = [
    (super::OURS, RGBColor(0xd9, 0x48, 0x01)),
    ("object-store", RGBColor(0x21, 0x71, 0xb5)),
];

const PICTURE: &str = "docs/transfer.svg";
const PANEL: (u32, u32) = (340, 320);

/// MB/s of each client by connections, for one line.
struct Curves {
    gbit: f64,
    /// In the order of [`CLIENTS`].
    rates: Vec<Vec<f64>>,
}

pub(super) fn run(args: &Args) -> Result<Found> {
    let mut found = Found::default();
    let bytes = args.bytes(OBJECT_BYTES);
    let mut all = Vec::new();
    for gbit in args.lines() {
        let mut curves = Curves {
            gbit,
            rates: vec![Vec::new(); CLIENTS.len()],
        };
        for connections in CONNECTIONS {
            let what = format!("{connections} connections, {}", line(gbit));
            say(&what);
            let load = Load {
                gbit,
                count: 1,
                bytes,
                target: "memory",
                connections: Some(connections),
            };
            let measured = measure(args.rounds(), &load, &CLIENTS.map(|(name, _)| name))?;
            found.note_failures(&what, &measured);
            for (rates, (_, measured)) in curves.rates.iter_mut().zip(&measured) {
                rates.push(mb_per_s(bytes, measured));
            }
        }
        all.push(curves);
    }
    if args.publish {
        draw(&all)?;
        found.text = format!("![MB/s over connections]({})\n\n", picture_name());
    }
    found.text += &table(&all);
    print(&found.text);
    Ok(found)
}

fn picture_name() -> &'static str {
    PICTURE.trim_start_matches("docs/")
}

fn mb_per_s(bytes: u64, measured: &Measured) -> f64 {
    match median(&measured.wall_ns) {
        0 => 0.0,
        ns => bytes as f64 * 1e3 / ns as f64,
    }
}

fn table(all: &[Curves]) -> String {
    let head = CONNECTIONS.map(|count| format!(" {count} |")).concat();
    let mut text = format!(
        "| MB/s by connections |{head}\n|---|{}\n",
        "---|".repeat(CONNECTIONS.len())
    );
    for curves in all {
        for ((client, _), rates) in CLIENTS.iter().zip(&curves.rates) {
            let cell = |rate: &f64| match share(curves.gbit, rate / 1e3) {
                share if share.is_empty() => format!(" {rate:.0} |"),
                share => format!(" {rate:.0} ({share}) |"),
            };
            let cells: String = rates.iter().map(cell).collect();
            text += &format!("| {client}, {} |{cells}\n", line(curves.gbit));
        }
    }
    text
}

/// One panel a line; both clients in each.
fn draw(all: &[Curves]) -> Result<()> {
    let path = workspace::root().join(PICTURE);
    let size = (PANEL.0 * all.len() as u32, PANEL.1);
    let area = SVGBackend::new(&path, size).into_drawing_area();
    area.fill(&WHITE)
        .map_err(|error| format!("{PICTURE}: {error}"))?;
    for (panel, curves) in area.split_evenly((1, all.len())).iter().zip(all) {
        draw_panel(panel, curves).map_err(|error| format!("{PICTURE}: {error}"))?;
    }
    area.present()
        .map_err(|error| format!("{PICTURE}: {error}"))
}

fn draw_panel<DB: DrawingBackend>(
    panel: &DrawingArea<DB, plotters::coord::Shift>,
    curves: &Curves,
) -> std::result::Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let cap = curves.gbit * 125.0;
    let highest = curves.rates.iter().flatten().copied().fold(cap, f64::max);
    let places = (CONNECTIONS.len() - 1) as f64;
    let mut chart = ChartBuilder::on(panel)
        .caption(line(curves.gbit), ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..places, 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .x_labels(CONNECTIONS.len())
        .x_label_formatter(&|place| CONNECTIONS[place.round() as usize].to_string())
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .x_desc("connections")
        .y_desc("MB/s")
        .light_line_style(TRANSPARENT)
        .draw()?;
    if cap > 0.0 {
        let ends = [(0.0, cap), (places, cap)];
        chart.draw_series(LineSeries::new(ends, BLACK.mix(0.4)))?;
    }
    for ((client, colour), rates) in CLIENTS.iter().zip(&curves.rates) {
        let points: Vec<_> = (0..).map(f64::from).zip(rates.iter().copied()).collect();
        chart
            .draw_series(LineSeries::new(
                points.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(*client)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .draw()
}
