// Package scratch keeps byte strings by key for as long as a computation takes: the newest ones in memory, up to a bound,
// and what was not asked for since in a file. The file is sealed under a key that is never written anywhere, has no name
// where the system allows that, and ends with the process.
package scratch
