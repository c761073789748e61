// Package goclients drives the example server with the two SMB client libraries
// for Go. It is a module of its own, so that whoever imports the server doesn't
// get them as dependencies.
package goclients
