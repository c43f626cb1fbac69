"""Monte-Carlo tree search over hyper-parameters."""
