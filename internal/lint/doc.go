// Package lint holds tests that check the source of the module: who imports
// whom, formatting, and the length of files; and its documents: links, code, and
// what they have to name.
package lint
