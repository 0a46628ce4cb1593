// Package projections runs folds of the log into tables: pages in position order, applied set-wise, rows and
// checkpoint committed together. One folder below holds one projection.
package projections
