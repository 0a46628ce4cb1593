// Package layout holds the repository's own rules as tests: which package may import which, which top-level folders
// there are, how long a file and a function may be, and which versions in go.mod belong together.
package layout
