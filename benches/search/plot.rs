//! A plot of time against size: for each engine the median of all shapes and the slowest p99, on logarithmic axes.

use std::fmt::Write;

/// A line of the plot: its name, its colour, whether it is dashed, and its points of people and milliseconds.
pub struct Line {
    pub name: String,
    pub colour: &'static str,
    pub is_dashed: bool,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 250.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

/// From where to where, in powers of ten.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let from = values.clone().fold(f64::MAX, f64::min).log10().floor();
        let to = values.fold(f64::MIN, f64::max).log10().ceil();
        Self { from, to: to.max(from + 1.0) }
    }

    /// Where a value stands, from 0 to 1.
    fn at(&self, value: f64) -> f64 {
        (value.log10() - self.from) / (self.to - self.from)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        #[expect(clippy::cast_possible_truncation, reason = "a power of ten that was made of a whole number")]
        let (from, to) = (self.from as i32, self.to as i32);
        (from..=to).map(|power| 10f64.powi(power))
    }
}

/// The picture.
pub fn svg(title: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let (across, up) = (Axis::of(points().map(|(size, _)| size)), Axis::of(points().map(|(_, time)| time)));
    let x = |size: f64| LEFT + across.at(size) * (WIDTH - LEFT - RIGHT);
    let y = |time: f64| HEIGHT - BOTTOM - up.at(time) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let (end, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for time in up.marks() {
        let at = y(time);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {at:.1}H{end}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{time} ms</text>", LEFT - 6.0, at + 4.0);
    }
    for size in across.marks() {
        let (at, below) = (x(size), floor + 18.0);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {TOP}V{floor}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{size}</text>");
    }
    let (middle, below) = (f64::midpoint(LEFT, end), HEIGHT - 10.0);
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">people</text>");
    for (n, line) in (0u8..).zip(lines) {
        let dash = if line.is_dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let places: Vec<_> =
            line.points.iter().map(|(size, time)| format!("{:.1} {:.1}", x(*size), y(*time))).collect();
        let (colour, key) = (line.colour, TOP + 10.0 + f64::from(n) * 20.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            places.join("L")
        );
        for (size, time) in &line.points {
            let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(*size), y(*time));
        }
        let (from, to, text) = (end + 15.0, end + 45.0, end + 52.0);
        let _ = writeln!(svg, "<path d=\"M{from} {key}H{to}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>");
        let _ = writeln!(svg, "<text x=\"{text}\" y=\"{}\">{}</text>", key + 4.0, line.name);
    }
    svg.push_str("</svg>\n");
    svg
}
