//go:build !unix

package main

import "os"

// terminalWidth is the number of columns that a terminal has; 0: it does not say.
func terminalWidth(*os.File) int { return 0 }
