//! `kubectl session start`: what is made again, what is taken up, what is left alone.
