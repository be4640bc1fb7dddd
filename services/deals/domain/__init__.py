"""Pure rules of funnels: routing, stages, moves and times. No framework, no I/O."""
