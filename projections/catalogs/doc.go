// Package catalogs is the projection of what the systems offer to choose from: statuses, outcomes, types, pipelines,
// owners and users, of the deals and whom they are about, and of when each was pulled last.
//
// An entry that a system lists no longer keeps its row, its label and what was declared about it: it is gone, not lost.
// What HubSpot lists comes from facts of pulls. What Aloware has besides users it does not list: it is declared by a
// person, or seen in what its webhooks tell.
//
// Labels and names are stored sealed, what they are found by blind. Reading one contact's deals, an owner or the user
// behind it takes look-ups by index and no more.
package catalogs
