//! Threads as trees, and the way through them that THREAD tells (RFC 5256 §4).

/// One step through threads: a message, or a parenthesis of the THREAD response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A thread, or one branch of it, begins.
    Open,
    /// The message of this place.
    Message(u32),
    /// What was opened last ends.
    Close,
}

/// Trees of messages. A node's number is the place of its message; numbers of `messages` and above
/// stand for messages that are not there, which are roots only.
#[derive(Debug, Default)]
pub(super) struct Forest {
    /// How many messages there are.
    pub(super) messages: u32,
    pub(super) roots: Vec<u32>,
    /// By number.
    pub(super) children: Vec<Vec<u32>>,
}

impl Forest {
    /// The way through all trees. Needs no stack for deep ones.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.roots.len().saturating_mul(3));
        // What is to come, the next last.
        let mut ahead = Vec::new();
        for &root in &self.roots {
            ahead.push(Step::Close);
            ahead.push(Step::Message(root));
            ahead.push(Step::Open);
            while let Some(step) = ahead.pop() {
                let Step::Message(node) = step else {
                    steps.push(step);
                    continue;
                };
                let is_message = node < self.messages;
                if is_message {
                    steps.push(step);
                }
                match self.children_of(node) {
                    [only] if is_message => ahead.push(Step::Message(*only)),
                    several => {
                        for &child in several.iter().rev() {
                            ahead.extend([Step::Close, Step::Message(child), Step::Open]);
                        }
                    }
                }
            }
        }
        steps
    }

    pub(super) fn children_of(&self, node: u32) -> &[u32] {
        self.children
            .get(node as usize)
            .map_or(&[], |children| children.as_slice())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The steps as THREAD prints them.
    pub(in crate::arrange) fn told(forest: &Forest) -> String {
        let mut text = String::new();
        for step in forest.steps() {
            match step {
                Step::Open if text.ends_with(|c: char| c.is_ascii_digit()) => text.push_str(" ("),
                Step::Open => text.push('('),
                Step::Message(place) => {
                    if text.ends_with(|c: char| c.is_ascii_digit()) {
                        text.push(' ');
                    }
                    text.push_str(&place.to_string());
                }
                Step::Close => text.push(')'),
            }
        }
        text
    }

    #[test]
    fn the_shape_of_the_rfc() {
        // RFC 5256 §4: (2)(3 6 (4 23)(44 7 96)) and ((3)(5)), renumbered.
        let mut forest = Forest {
            messages: 8,
            roots: vec![0, 1, 8],
            children: vec![Vec::new(); 9],
        };
        forest.children[1] = vec![2];
        forest.children[2] = vec![3, 5];
        forest.children[3] = vec![4];
        forest.children[5] = vec![6];
        forest.children[8] = vec![6, 7];
        forest.children[6] = Vec::new();
        assert_eq!(told(&forest), "(0)(1 2 (3 4)(5 6))((6)(7))");
    }

    #[test]
    fn a_thread_of_any_depth_is_told() {
        let messages = 300_000;
        let children = (1..=messages).map(|next| vec![next]).collect::<Vec<_>>();
        let mut forest = Forest {
            messages,
            roots: vec![0],
            children,
        };
        forest.children.pop();
        assert_eq!(forest.steps().len(), messages as usize + 2);
    }
}
