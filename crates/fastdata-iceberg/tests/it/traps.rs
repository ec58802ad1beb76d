//! Properties of real tables that readers get wrong, one test each.
