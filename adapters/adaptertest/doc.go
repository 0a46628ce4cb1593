// Package adaptertest is the conformance suite of adapters.System: what Duolog relies on in a system, whichever it is,
// proved over real HTTP against the system's sandbox. What a system cannot do it says in its Capabilities, and the
// suite expects the substitute instead.
package adaptertest
