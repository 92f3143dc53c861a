//! THREAD=REFERENCES: threads by who answers whom (RFC 5256 §3).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::collation::Collated;
use super::forest::Forest;

/// Messages that are referred to but not there, of one command: of more nothing is known, as if
/// they were not referred to.
const ABSENT_MAX: usize = 1_000_000;

/// Steps up threads, of one command, to see that a link makes no ring; when they are used up, a
/// message that has answers already gets no place below another.
const CLIMB_MAX: u64 = 50_000_000;

/// Nobody's number.
const NONE: u32 = u32::MAX;

/// What is known of a message, to thread it.
#[derive(Debug)]
pub(super) struct Threaded {
    /// Its Message-ID, hashed.
    pub(super) id: Option<u64>,
    /// The identifiers it refers to, hashed, its parent last.
    pub(super) references: Box<[u64]>,
    pub(super) subject: Collated,
    pub(super) is_reply: bool,
    /// When it was sent, for order among siblings.
    pub(super) sent: u64,
}

/// Threads the messages, which are in the order of their sequence numbers.
///
/// Cost: n log n, and what `CLIMB_MAX` allows for threads that are tied in odd ways.
pub(super) fn by_references(messages: &[Threaded]) -> Forest {
    let links = Links::of(messages);
    let mut threads = Threads {
        messages,
        forest: prune(messages.len(), &links.parents),
        is_root: Vec::new(),
    };
    threads.sort();
    threads.join_subjects();
    threads.sort();
    threads.forest
}

/// Step 1: who is whose parent.
struct Links {
    parents: Vec<u32>,
    /// How many children each has.
    children: Vec<u32>,
    climbed: u64,
}

impl Links {
    fn of(messages: &[Threaded]) -> Self {
        let mut links = Self {
            parents: vec![NONE; messages.len()],
            children: vec![0; messages.len()],
            climbed: 0,
        };
        let mut numbers: HashMap<u64, u32> = HashMap::with_capacity(messages.len());
        for (number, message) in (0..).zip(messages) {
            // Of several with one identifier the first bears it.
            if let Some(id) = message.id {
                numbers.entry(id).or_insert(number);
            }
        }
        let nodes_max = messages.len().saturating_add(ABSENT_MAX);
        for (number, message) in (0..).zip(messages) {
            let mut above = NONE;
            for &id in &message.references {
                let Some(node) = links.node(&mut numbers, id, nodes_max) else {
                    continue;
                };
                if above != NONE && links.parent(node) == NONE {
                    links.link(above, node);
                }
                above = node;
            }
            // Its own word on its parent counts more than what others say of it.
            links.unlink(number);
            if above != NONE {
                links.link(above, number);
            }
        }
        links
    }

    /// The message of this identifier, or one that stands for it.
    fn node(&mut self, numbers: &mut HashMap<u64, u32>, id: u64, nodes_max: usize) -> Option<u32> {
        match numbers.entry(id) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                if self.parents.len() >= nodes_max {
                    return None;
                }
                let number = u32::try_from(self.parents.len()).ok()?;
                self.parents.push(NONE);
                self.children.push(0);
                Some(*free.insert(number))
            }
        }
    }

    fn parent(&self, node: u32) -> u32 {
        self.parents.get(node as usize).copied().unwrap_or(NONE)
    }

    /// Puts `child`, which has no parent, below `parent`, unless that makes a ring.
    fn link(&mut self, parent: u32, child: u32) {
        if self.is_at_or_above(child, parent) {
            return;
        }
        self.parents[child as usize] = parent;
        self.children[parent as usize] += 1;
    }

    fn unlink(&mut self, child: u32) {
        let parent = std::mem::replace(&mut self.parents[child as usize], NONE);
        if parent != NONE {
            self.children[parent as usize] -= 1;
        }
    }

    /// Whether `upper` is `node` or one of those above it; yes also where that cannot be found out
    /// any more.
    fn is_at_or_above(&mut self, upper: u32, node: u32) -> bool {
        if upper == node {
            return true;
        }
        if self.children[upper as usize] == 0 {
            return false;
        }
        let mut at = self.parent(node);
        while at != NONE {
            self.climbed += 1;
            if at == upper || self.climbed > CLIMB_MAX {
                return true;
            }
            at = self.parent(at);
        }
        false
    }
}

/// Steps 2 and 3: the trees without messages that are not there. Such a one stays only at the top,
/// with several below it.
fn prune(messages: usize, parents: &[u32]) -> Forest {
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    for (node, &parent) in (0..).zip(parents) {
        match children.get_mut(parent as usize) {
            Some(siblings) => siblings.push(node),
            None => order.push(node),
        }
    }
    let tops = order.len();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        order.extend_from_slice(&children[node as usize]);
        next += 1;
    }
    let is_absent = |node: u32| node as usize >= messages;
    // Children before parents: what is below an absent one goes one up.
    for &node in order.iter().rev() {
        let below = std::mem::take(&mut children[node as usize]);
        let mut kept: Vec<u32> = Vec::new();
        let mut present = Vec::new();
        for child in below {
            if is_absent(child) {
                let mut lifted = std::mem::take(&mut children[child as usize]);
                // The longer list takes the shorter; order comes later.
                if lifted.len() > kept.len() {
                    std::mem::swap(&mut lifted, &mut kept);
                }
                kept.append(&mut lifted);
            } else {
                present.push(child);
            }
        }
        if present.len() > kept.len() {
            std::mem::swap(&mut present, &mut kept);
        }
        kept.append(&mut present);
        children[node as usize] = kept;
    }
    let mut roots = Vec::with_capacity(tops);
    for &top in order.iter().take(tops) {
        if !is_absent(top) {
            roots.push(top);
            continue;
        }
        match children[top as usize].as_slice() {
            [] => {}
            [only] => roots.push(*only),
            _ => roots.push(top),
        }
    }
    Forest {
        messages: u32::try_from(messages).unwrap_or(u32::MAX),
        roots,
        children,
    }
}

/// The trees while subjects join them.
struct Threads<'m> {
    messages: &'m [Threaded],
    forest: Forest,
    /// By number, while trees are joined.
    is_root: Vec<bool>,
}

impl<'m> Threads<'m> {
    /// Steps 4 and 6: siblings by when they were sent, then by sequence number.
    fn sort(&mut self) {
        let messages = self.messages;
        let sent = |node: u32| {
            messages
                .get(node as usize)
                .map_or(0, |message| message.sent)
        };
        for siblings in &mut self.forest.children {
            siblings.sort_unstable_by_key(|&node| (sent(node), node));
        }
        let mut roots = std::mem::take(&mut self.forest.roots);
        let children = &self.forest.children;
        // One that is not there stands where its first child would.
        roots.sort_by_cached_key(|&root| {
            let first = first_message(children, messages.len(), root);
            (sent(first), first)
        });
        self.forest.roots = roots;
    }

    fn is_absent(&self, node: u32) -> bool {
        node >= self.forest.messages
    }

    fn message(&self, node: u32) -> Option<&'m Threaded> {
        self.messages.get(node as usize)
    }

    /// The subject of a thread; `None` where it has none.
    fn subject(&self, root: u32) -> Option<&'m Collated> {
        let first = first_message(&self.forest.children, self.messages.len(), root);
        let subject = &self.message(first)?.subject;
        (!subject.is_empty()).then_some(subject)
    }

    fn is_reply(&self, node: u32) -> bool {
        self.message(node).is_some_and(|message| message.is_reply)
    }

    /// Step 5: threads of one subject become one.
    fn join_subjects(&mut self) {
        let mut table: HashMap<&Collated, u32> = HashMap::new();
        for &root in &self.forest.roots {
            let Some(subject) = self.subject(root) else {
                continue;
            };
            let known = *table.entry(subject).or_insert(root);
            let is_better = self.is_absent(root) || self.is_reply(known) && !self.is_reply(root);
            if !self.is_absent(known) && is_better {
                table.insert(subject, root);
            }
        }
        self.is_root = vec![false; self.forest.children.len()];
        for &root in &self.forest.roots {
            self.is_root[root as usize] = true;
        }
        let roots = std::mem::take(&mut self.forest.roots);
        let mut made = Vec::new();
        for &root in &roots {
            if !self.is_root[root as usize] {
                continue;
            }
            let Some(subject) = self.subject(root) else {
                continue;
            };
            match table.get(subject) {
                Some(&known) if known != root => {
                    if let Some(new) = self.join(known, root) {
                        table.insert(subject, new);
                        made.push(new);
                    }
                }
                _ => {}
            }
        }
        let is_root = &self.is_root;
        self.forest.roots = roots
            .into_iter()
            .chain(made)
            .filter(|&root| is_root[root as usize])
            .collect();
    }

    /// Joins the thread `root` to the one that stands for its subject (step 5.C); returns the
    /// number of a message that is not there, if one had to be made above both.
    fn join(&mut self, known: u32, root: u32) -> Option<u32> {
        self.is_root[root as usize] = false;
        if self.is_absent(known) && self.is_absent(root) {
            let below = std::mem::take(&mut self.forest.children[root as usize]);
            self.forest.children[known as usize].extend(below);
        } else if self.is_absent(known) || self.is_reply(root) && !self.is_reply(known) {
            self.forest.children[known as usize].push(root);
        } else {
            let new = u32::try_from(self.forest.children.len()).ok()?;
            self.forest.children.push(vec![known, root]);
            self.is_root[known as usize] = false;
            self.is_root.push(true);
            return Some(new);
        }
        None
    }
}

/// A message, or the first below one that is not there.
fn first_message(children: &[Vec<u32>], messages: usize, node: u32) -> u32 {
    if (node as usize) < messages {
        return node;
    }
    let below = children.get(node as usize).and_then(|below| below.first());
    below.copied().unwrap_or(node)
}

#[cfg(test)]
mod tests;
