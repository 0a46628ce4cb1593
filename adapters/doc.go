// Package adapters is the contract between Duolog and a system it keeps in step. adapters/hubspot and
// adapters/aloware implement it, adapters/adaptertest is the suite both pass; beyond it nobody sees a vendor's JSON
// shapes, only facts and properties.
package adapters
