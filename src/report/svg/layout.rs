//! Where the boxes, edges and labels of the causal graph go: layers from causes to effects, as in Sugiyama's method, in which an
//! edge that passes a row has a place of its own there, so that it crosses no box.

use super::graph::{GraphArrow, GraphBox};
use super::text;
use crate::report::escape::visible;

/// Width of a box.
pub(super) const BOX: f64 = 216.0;
const BOX_GAP: f64 = 28.0;
/// Space between the outline of a box and its text.
pub(super) const PAD: f64 = 12.0;
/// Height of a line of a box.
pub(super) const LINE: f64 = 18.0;
/// Font size of a box.
pub(super) const SIZE: f64 = 13.0;
/// Font size of labels and heads.
pub(super) const SMALL: f64 = 11.0;
const MARGIN: f64 = 10.0;
/// The room a passing edge takes in a row of boxes.
const LANE: f64 = 40.0;
/// The widest label of an edge.
const LABEL: f64 = 230.0;
const MAX_IN_ROW: usize = 4;
const MAX_LINES: usize = 7;

/// From node, to node, what it says.
type Edge<'a> = (usize, usize, &'a GraphArrow<'a>);

/// Where a box stands.
#[derive(Debug, Default, Clone)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) lines: Vec<String>,
}

/// An edge with its way and the place of its label.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) points: Vec<(f64, f64)>,
    /// Where it leaves the row it was last seen in, so that edges into one box do not cross.
    origin: Option<f64>,
    pub(super) label: Vec<String>,
    pub(super) label_at: (f64, f64),
    pub(super) full: String,
    pub(super) is_undetermined: bool,
}

pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) edges: Vec<Way>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Something in a row: a box, or an edge on its way past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Node(usize),
    Pass(usize),
}

impl Layout {
    /// Places boxes in the order of their causes. Edges that do not lead forward in the order of the nodes are left out.
    pub(super) fn new(boxes: &[GraphBox<'_>], arrows: &[GraphArrow<'_>]) -> Self {
        let index = |id: &str| boxes.iter().position(|node| node.id == id);
        let edges: Vec<Edge<'_>> = arrows
            .iter()
            .filter_map(|arrow| Some((index(arrow.from)?, index(arrow.to)?, arrow)))
            .filter(|(from, to, _)| from < to)
            .collect();
        let layers = layers(boxes.len(), &edges);
        let rows = rows(&layers, &edges);
        let width = rows.iter().map(|row| row_width(row)).fold(560.0, f64::max) + 2.0 * MARGIN;
        let centres: Vec<Vec<(Slot, f64)>> = rows.iter().map(|row| spread(row, width)).collect();
        let mut places = vec![Place::default(); boxes.len()];
        let mut ways: Vec<Way> = edges.iter().map(|(_, _, arrow)| Way::new(arrow)).collect();
        let mut y = MARGIN;
        for (number, row) in centres.iter().enumerate() {
            let next = centres.get(number.saturating_add(1));
            let height = row_height(row, boxes);
            for &(slot, x) in row {
                match slot {
                    Slot::Node(node) => {
                        let lines = boxes.get(node).map(box_lines).unwrap_or_default();
                        let own = box_height(lines.len());
                        if let Some(place) = places.get_mut(node) {
                            *place = Place {
                                x: x - BOX / 2.0,
                                y,
                                height: own,
                                lines,
                            };
                        }
                        end_edges(&mut ways, &edges, node, (x, y));
                    }
                    Slot::Pass(edge) => {
                        if let Some(way) = ways.get_mut(edge) {
                            way.points.extend([(x, y), (x, y + height)]);
                            way.origin = Some(x);
                        }
                    }
                }
            }
            // Edges leave after every box of the row is known to end, so that labels stand below the tallest.
            for &(slot, x) in row {
                if let Slot::Node(node) = slot {
                    let own = places.get(node).map_or(height, |place| place.height);
                    start_edges(&mut ways, &edges, node, (x, y + own, y + height), next);
                }
            }
            y += height;
            if number.saturating_add(1) < centres.len() {
                let leaving = leaving(row, &edges);
                y += place_labels(
                    &mut ways,
                    &leaving,
                    centres.get(number.saturating_add(1)),
                    &edges,
                    y,
                    width,
                );
            }
        }
        Self {
            places,
            edges: ways,
            width,
            height: y + MARGIN,
        }
    }
}

impl Way {
    fn new(arrow: &GraphArrow<'_>) -> Self {
        let full = visible(&arrow.label);
        Self {
            points: Vec::new(),
            origin: None,
            label: text::wrap(&full, SMALL, LABEL, 4),
            label_at: (0.0, 0.0),
            full,
            is_undetermined: arrow.is_undetermined,
        }
    }

    /// Width of the label with a little air.
    pub(super) fn label_width(&self) -> f64 {
        self.label
            .iter()
            .map(|line| text::width(line, SMALL))
            .fold(0.0, f64::max)
            + 12.0
    }

    pub(super) fn label_height(&self) -> f64 {
        14.0 * self.label.len() as f64
    }
}

/// The layer of each node: one below its lowest cause; at most [`MAX_IN_ROW`] in one layer, the rest moves down.
fn layers(count: usize, edges: &[Edge<'_>]) -> Vec<usize> {
    let mut layers: Vec<usize> = Vec::with_capacity(count);
    for node in 0..count {
        let above = edges
            .iter()
            .filter(|(_, to, _)| *to == node)
            .filter_map(|(from, ..)| layers.get(*from))
            .max();
        let mut layer = above.map_or(0, |layer| layer.saturating_add(1));
        while layers.iter().filter(|other| **other == layer).count() >= MAX_IN_ROW {
            layer = layer.saturating_add(1);
        }
        layers.push(layer);
    }
    // A cause without causes of its own stands right above its first effect, not at the far top.
    for node in (0..count).rev() {
        let is_source = !edges.iter().any(|(_, to, _)| *to == node);
        let below = edges
            .iter()
            .filter(|(from, ..)| *from == node)
            .filter_map(|(_, to, _)| layers.get(*to))
            .min()
            .copied();
        let (true, Some(below)) = (is_source, below) else {
            continue;
        };
        let target = below.saturating_sub(1);
        let room = layers.iter().filter(|other| **other == target).count() < MAX_IN_ROW;
        if let (true, Some(layer)) = (room, layers.get_mut(node)) {
            *layer = target.max(*layer);
        }
    }
    // Moving causes down may have emptied a layer.
    let mut used = layers.clone();
    used.sort_unstable();
    used.dedup();
    layers
        .iter()
        .map(|layer| used.binary_search(layer).unwrap_or(0))
        .collect()
}

/// What stands in each row, ordered so that things stand below what leads to them.
fn rows(layers: &[usize], edges: &[Edge<'_>]) -> Vec<Vec<Slot>> {
    let depth = layers.iter().max().map_or(0, |layer| layer.saturating_add(1));
    let layer = |node: usize| layers.get(node).copied().unwrap_or(0);
    let mut rows: Vec<Vec<Slot>> = vec![Vec::new(); depth];
    for (node, at) in layers.iter().enumerate() {
        if let Some(row) = rows.get_mut(*at) {
            row.push(Slot::Node(node));
        }
    }
    for (edge, (from, to, _)) in edges.iter().enumerate() {
        for at in layer(*from).saturating_add(1)..layer(*to) {
            if let Some(row) = rows.get_mut(at) {
                row.push(Slot::Pass(edge));
            }
        }
    }
    for at in 1..depth {
        let above = at
            .checked_sub(1)
            .and_then(|at| rows.get(at))
            .cloned()
            .unwrap_or_default();
        if let Some(row) = rows.get_mut(at) {
            row.sort_by(|a, b| barycentre(*a, &above, edges).total_cmp(&barycentre(*b, &above, edges)));
        }
    }
    rows
}

/// The mean position, in the row above, of what leads to a slot.
fn barycentre(slot: Slot, above: &[Slot], edges: &[Edge<'_>]) -> f64 {
    let position = |wanted: Slot| above.iter().position(|slot| *slot == wanted).map(|at| at as f64);
    let from = |edge: usize| {
        let (from, ..) = edges.get(edge)?;
        position(Slot::Pass(edge)).or_else(|| position(Slot::Node(*from)))
    };
    let found: Vec<f64> = match slot {
        Slot::Pass(edge) => from(edge).into_iter().collect(),
        Slot::Node(node) => (0..edges.len())
            .filter(|edge| edges.get(*edge).is_some_and(|(_, to, _)| *to == node))
            .filter_map(from)
            .collect(),
    };
    // What nothing in the row above leads to goes to the right, away from the edges.
    if found.is_empty() {
        above.len() as f64
    } else {
        found.iter().sum::<f64>() / found.len() as f64
    }
}

fn slot_width(slot: Slot) -> f64 {
    match slot {
        Slot::Node(_) => BOX,
        Slot::Pass(_) => LANE,
    }
}

fn row_width(row: &[Slot]) -> f64 {
    let gaps = BOX_GAP * row.len().saturating_sub(1) as f64;
    row.iter().map(|slot| slot_width(*slot)).sum::<f64>() + gaps
}

/// The centre of each slot, the row in the middle of the drawing.
fn spread(row: &[Slot], width: f64) -> Vec<(Slot, f64)> {
    let mut x = (width - row_width(row)) / 2.0;
    row.iter()
        .map(|&slot| {
            let centre = x + slot_width(slot) / 2.0;
            x += slot_width(slot) + BOX_GAP;
            (slot, centre)
        })
        .collect()
}

fn box_lines(node: &GraphBox<'_>) -> Vec<String> {
    text::wrap(&visible(&node.label), SIZE, BOX - 2.0 * PAD - 6.0, MAX_LINES)
}

fn box_height(lines: usize) -> f64 {
    PAD + 16.0 + LINE * lines as f64 + PAD * 0.6
}

fn row_height(row: &[(Slot, f64)], boxes: &[GraphBox<'_>]) -> f64 {
    let heights = row.iter().filter_map(|(slot, _)| match slot {
        Slot::Node(node) => boxes.get(*node).map(|node| box_height(box_lines(node).len())),
        Slot::Pass(_) => None,
    });
    heights.fold(LINE, f64::max)
}

/// Edges that end at a node, side by side along its top.
fn end_edges(ways: &mut [Way], edges: &[Edge<'_>], node: usize, (x, y): (f64, f64)) {
    let mut ending: Vec<usize> = (0..edges.len())
        .filter(|e| edges.get(*e).is_some_and(|(_, to, _)| *to == node))
        .collect();
    let comes_from = |edge: &usize| ways.get(*edge).and_then(|way| way.origin).unwrap_or(x);
    ending.sort_by(|a, b| comes_from(a).total_cmp(&comes_from(b)));
    for (order, edge) in ending.iter().enumerate() {
        if let Some(way) = ways.get_mut(*edge) {
            way.points.push((x + port(order, ending.len()), y));
        }
    }
}

/// Edges that start at a node, side by side in the order of their goals: from its own bottom down to the bottom of its row.
fn start_edges(
    ways: &mut [Way],
    edges: &[Edge<'_>],
    node: usize,
    (x, y, row_end): (f64, f64, f64),
    next: Option<&Vec<(Slot, f64)>>,
) {
    let mut starting: Vec<usize> = (0..edges.len())
        .filter(|e| edges.get(*e).is_some_and(|(from, ..)| *from == node))
        .collect();
    let goal = |edge: &usize| goal_x(*edge, edges, next).unwrap_or(x);
    starting.sort_by(|a, b| goal(a).total_cmp(&goal(b)));
    for (order, edge) in starting.iter().enumerate() {
        if let Some(way) = ways.get_mut(*edge) {
            let x = x + port(order, starting.len());
            way.origin = Some(x);
            way.points.push((x, y));
            if row_end > y {
                way.points.push((x, row_end));
            }
        }
    }
}

/// Where an edge goes in the next row.
fn goal_x(edge: usize, edges: &[Edge<'_>], next: Option<&Vec<(Slot, f64)>>) -> Option<f64> {
    next.into_iter().flatten().find_map(|(slot, x)| match slot {
        Slot::Pass(pass) => (*pass == edge).then_some(*x),
        Slot::Node(node) => edges.get(edge).is_some_and(|(_, to, _)| to == node).then_some(*x),
    })
}

/// The offset of one of several edges from the middle of a box.
fn port(order: usize, count: usize) -> f64 {
    let step = (BOX * 0.7) / count.max(1) as f64;
    (order as f64 - (count.saturating_sub(1)) as f64 / 2.0) * step
}

/// Edges whose label belongs below this row: those that start in it.
fn leaving(row: &[(Slot, f64)], edges: &[Edge<'_>]) -> Vec<usize> {
    let starts = |node: usize| row.iter().any(|(slot, _)| *slot == Slot::Node(node));
    (0..edges.len())
        .filter(|edge| edges.get(*edge).is_some_and(|(from, ..)| starts(*from)))
        .collect()
}

/// Gives every leaving edge a place for its label between two rows, on as many levels as it takes for none to touch another.
/// Returns the height of the space between the rows.
fn place_labels(
    ways: &mut [Way],
    leaving: &[usize],
    next: Option<&Vec<(Slot, f64)>>,
    edges: &[Edge<'_>],
    top: f64,
    width: f64,
) -> f64 {
    const AIR: f64 = 14.0;
    let mut levels: Vec<(f64, Vec<(f64, f64)>)> = Vec::new();
    let mut chosen: Vec<(usize, usize, f64)> = Vec::new();
    for &edge in leaving {
        let Some(way) = ways.get(edge) else { continue };
        if way.label.is_empty() {
            continue;
        }
        let from = way.points.last().map_or(width / 2.0, |(x, _)| *x);
        let target = goal_x(edge, edges, next);
        let half = way.label_width() / 2.0;
        let low = half + MARGIN;
        let x = f64::midpoint(from, target.unwrap_or(from)).clamp(low, (width - half - MARGIN).max(low));
        let free = |taken: &[(f64, f64)]| taken.iter().all(|(left, right)| x + half < *left || x - half > *right);
        let level = levels.iter().position(|(_, taken)| free(taken)).unwrap_or(levels.len());
        if level == levels.len() {
            levels.push((0.0, Vec::new()));
        }
        if let Some((height, taken)) = levels.get_mut(level) {
            *height = height.max(way.label_height());
            taken.push((x - half, x + half));
        }
        chosen.push((edge, level, x));
    }
    for (edge, level, x) in chosen {
        let above: f64 = levels.iter().take(level).map(|(height, _)| height + 4.0).sum();
        if let Some(way) = ways.get_mut(edge) {
            way.label_at = (x, top + AIR + above);
            way.points.push((x, top + AIR + above + way.label_height() / 2.0));
        }
    }
    let labels: f64 = levels.iter().map(|(height, _)| height + 4.0).sum();
    2.0 * AIR + labels.max(8.0) + 8.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Confidence;
    use crate::report::model::CausalKind;

    /// Left, top, right, bottom.
    type Frame = (f64, f64, f64, f64);

    fn meet(a: &Frame, b: &Frame) -> bool {
        a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
    }

    /// Twelve nodes in which each leads to the next, to the third after it and to the last.
    fn dense() -> Layout {
        let ids: Vec<String> = (0..12).map(|n| format!("N{n}")).collect();
        let boxes: Vec<GraphBox<'_>> = ids
            .iter()
            .enumerate()
            .map(|(n, id)| GraphBox {
                id,
                kind: CausalKind::Failure,
                confidence: Confidence::Confirmed,
                label: "kubelet cannot reach the registry ".repeat(1 + n % 5),
            })
            .collect();
        let goals = |n: usize| [n + 1, n + 3, 11].into_iter().filter(move |to| *to < 12 && *to > n);
        let arrows: Vec<GraphArrow<'_>> = (0..11)
            .flat_map(|n| goals(n).map(move |to| (n, to)))
            .map(|(from, to)| GraphArrow {
                is_undetermined: false,
                from: &ids[from],
                to: &ids[to],
                label: "because the name is not resolved".into(),
            })
            .collect();
        Layout::new(&boxes, &arrows)
    }

    fn frames(layout: &Layout) -> (Vec<Frame>, Vec<Frame>) {
        let boxes = layout
            .places
            .iter()
            .map(|place| (place.x, place.y, place.x + BOX, place.y + place.height));
        let labels = layout.edges.iter().map(|way| {
            let ((x, y), half) = (way.label_at, way.label_width() / 2.0);
            (x - half, y, x + half, y + way.label_height())
        });
        (boxes.collect(), labels.collect())
    }

    #[test]
    fn boxes_and_labels_keep_clear_of_each_other() {
        let layout = dense();
        let (boxes, labels) = frames(&layout);
        let all: Vec<&Frame> = boxes.iter().chain(&labels).collect();
        for (n, a) in all.iter().enumerate() {
            assert!(
                a.0 >= 0.0 && a.1 >= 0.0 && a.2 <= layout.width && a.3 <= layout.height,
                "{a:?} leaves the drawing"
            );
            for b in &all[..n] {
                assert!(!meet(a, b), "{a:?} meets {b:?}");
            }
        }
    }

    #[test]
    fn edges_lead_down_from_cause_to_effect() {
        for way in dense().edges {
            assert!(way.points.len() >= 2);
            assert!(way.points.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{way:?}");
        }
    }
}
