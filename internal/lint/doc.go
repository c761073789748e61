// Package lint holds tests that check the source of the module: who imports
// whom, formatting, and the length of files.
package lint
