"""What the operator sees: the guided loop, the contact sheet, the preview page."""
