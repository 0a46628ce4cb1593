package domain

// Catalog names a list of choices one of the systems keeps.
type Catalog string

// The catalogs. HubSpot lists its own. Aloware's API lists users only: its dispositions are declared by a person, who
// reads their ids in Aloware, or learned from what its webhooks show.
const (
	LeadStatuses    Catalog = "lead_statuses"    // HubSpot; Aloware's contact dispositions are made of them
	LifecycleStages Catalog = "lifecycle_stages" // HubSpot
	CallOutcomes    Catalog = "call_outcomes"    // HubSpot; Aloware's call dispositions are made of them
	CallTypes       Catalog = "call_types"       // HubSpot's activity types of calls
	MeetingTypes    Catalog = "meeting_types"    // HubSpot's activity types of meetings
	Pipelines       Catalog = "pipelines"        // HubSpot, of deals, with their stages
	Owners          Catalog = "owners"           // HubSpot
	Deals           Catalog = "deals"            // HubSpot

	Users               Catalog = "users"                // Aloware
	ContactDispositions Catalog = "contact_dispositions" // Aloware, declared
	CallDispositions    Catalog = "call_dispositions"    // Aloware, declared
)

// PullOperation begins the names of the operations that pull catalogs.
const PullOperation = "pull "

// How a catalog fact came.
const (
	ViaPull     = "pull"
	ViaDeclared = "declared"
)

// CatalogFact is the payload of catalog.observed: one entry as it is from here on, or that it is gone. Only what
// differs from the entry's last fact is told, so the state of a catalog at a position is, for each id, its last fact
// up to there.
//
// Its stream is CatalogStream, and its subject the log's, with two exceptions. A person (owner, user) is sealed under
// a subject of its own, PersonSubject. A deal is a fact about its contacts: one for each, on the contact's stream and
// under the contact's key; one that has no contact lies on DealStream, under that as its subject.
type CatalogFact struct {
	System  System  `json:"system"`
	Catalog Catalog `json:"catalog"`
	// ID is the system's own: an option's value, the GUID of a call outcome, the id of an owner, a user, a disposition.
	ID string `json:"id"`
	// Via is ViaPull, or ViaDeclared where a person said so and the system cannot be asked.
	Via string `json:"via"`
	// Clock is the moment the request that showed it began, or the person said so, µs UTC.
	Clock int64 `json:"clock"`
	// Gone: the system lists it no longer (a deal: not with this contact). Entry is empty then.
	Gone   bool         `json:"gone,omitempty"`
	Entry  CatalogEntry `json:"entry,omitzero"`
	Reason string       `json:"reason,omitempty"` // of a person who declared it
}

// CatalogEntry is what an entry of any catalog shows; a catalog leaves out what it has no use for.
type CatalogEntry struct {
	Label  string `json:"label,omitempty"` // as people read it: an owner's full name, a deal's name
	Order  int    `json:"order,omitempty"`
	Hidden bool   `json:"hidden,omitempty"` // still valid where it stands, no longer offered; a user who was deleted
	Email  string `json:"email,omitempty"`  // of an owner or a user, as the system writes it
	// HubSpot, in a catalog of Aloware, is the id of the HubSpot entry it stands for.
	HubSpot string  `json:"hubspot,omitempty"`
	Stages  []Stage `json:"stages,omitempty"` // of a pipeline, in its order
	Deal    *Deal   `json:"deal,omitempty"`
}

// Stage is a step of a pipeline.
type Stage struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Closed bool   `json:"closed,omitempty"` // won or lost: a deal that stands here is not open
}

// Deal is what is known of a deal besides its name.
type Deal struct {
	Amount   string `json:"amount,omitempty"` // decimal, as HubSpot writes it
	Pipeline string `json:"pipeline,omitempty"`
	Stage    string `json:"stage,omitempty"`
	Owner    string `json:"owner,omitempty"`   // id in Owners
	Created  int64  `json:"created,omitempty"` // µs UTC
}

// CatalogStream is the stream of a catalog's facts.
func CatalogStream(s System, c Catalog) string { return string(s) + "/catalog/" + string(c) }

// PersonSubject is whose key seals an owner or a user.
func PersonSubject(s System, id string) string { return string(s) + "/person/" + id }

// DealStream is the stream, and the subject, of a deal that has no contact.
func DealStream(id string) string { return string(HubSpot) + "/deal/" + id }
