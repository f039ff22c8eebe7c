"""Use cases: one public function per API operation, under its snake_case name, one module per resource."""
