package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
)

// Catalogs tells what the systems offer to choose from, and takes what people say about it.
type Catalogs interface {
	ListCatalogs(ctx context.Context) ([]CatalogSummary, error)
	ShowCatalog(ctx context.Context, name string, q CatalogQuery) (Catalog, error)
	CatalogChanges(ctx context.Context, name string) ([]catalogs.Change, error)
	Declare(ctx context.Context, name string, d Declaration, by By) (Done, error)
	StartPull(ctx context.Context, name string, by By) (Done, error)
}

// CatalogSummary is one line about a catalog.
type CatalogSummary struct {
	Name string `json:"name"`
	// Entries are those HubSpot lists, Gone those it did, Mapped those that are known in Aloware.
	Entries int `json:"entries"`
	Gone    int `json:"gone,omitempty"`
	Mapped  int `json:"mapped,omitempty" doc:"Entries whose counterpart in Aloware is known"`
	// Pull is what brings it up to date, LastPull when that was done last.
	Pull     string     `json:"pull"`
	LastPull *time.Time `json:"last_pull,omitempty"`
	Said     string     `json:"said" example:"Last pull lead statuses: Jul 10, 2024, 6:38 PM PDT"`
	Failure  string     `json:"failure,omitempty" doc:"Why the last pull failed, empty when it went well"`
}

// Catalog is a catalog with its entries.
type Catalog struct {
	CatalogSummary
	Menu string `json:"menu,omitempty" doc:"Where Aloware shows it"`
	// Hidden counts what is Aloware's alone: with the integration on only what is synced from HubSpot is for use.
	Hidden int            `json:"hidden,omitempty"`
	Rows   []catalogs.Row `json:"rows,omitempty"`
	Deals  []NamedDeal    `json:"deals,omitempty"`
	Next   string         `json:"next,omitempty" doc:"Send as after for the next page of deals; absent at the end"`
}

// CatalogQuery narrows a catalog.
type CatalogQuery struct {
	All   bool   // what is Aloware's alone as well
	After string // of deals: the next of the page before
	Limit int    // of deals; 0 takes 100
}

// Declaration says which entry of Aloware stands for one of HubSpot.
type Declaration struct {
	HubSpot string // id; empty takes it back
	Aloware string // id
	Label   string // in Aloware
}

// NamedDeal is a deal with its labels.
type NamedDeal struct {
	ID       string         `json:"id"`
	Name     string         `json:"name,omitempty"`
	Amount   string         `json:"amount,omitempty"`
	Pipeline domain.Choice  `json:"pipeline"`
	Stage    domain.Choice  `json:"stage"`
	Open     bool           `json:"open" doc:"Its stage is neither won nor lost"`
	Owner    *domain.Choice `json:"owner,omitempty"`
	Contacts []string       `json:"contacts,omitempty" doc:"Records it is about"`
	URL      string         `json:"url"`
	GoneAt   *time.Time     `json:"gone_at,omitempty"`
	Erased   bool           `json:"erased,omitempty"`
}

type catalogInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"40" example:"contact-dispositions"`
	All        bool   `query:"all" doc:"With what is Aloware's alone"`
	After      string `query:"after" maxLength:"40" doc:"Of deals: the next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Of deals"`
}

type catalogNameInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"40"`
}

type declareInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"40"`
	Body       struct {
		HubSpot string `json:"hubspot,omitempty" maxLength:"255" doc:"Id of HubSpot's entry; empty takes it back"`
		Aloware string `json:"aloware" pattern:"^[0-9]{1,18}$" doc:"Id in Aloware"`
		Label   string `json:"label,omitempty" maxLength:"255" doc:"What it is called in Aloware"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type pullInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" enum:"lead-statuses,call-outcomes,activity-types,deals,owners"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

// CatalogList is every catalog.
type CatalogList struct {
	Catalogs []CatalogSummary `json:"catalogs"`
}

// CatalogHistory is what happened to a catalog.
type CatalogHistory struct {
	Changes []catalogs.Change `json:"changes"`
}

func (a *api) registerCatalogs() {
	const at = "/v1/connections/{connection}"
	register(a, get("list-catalogs", at+"/catalogs", "What the systems offer to choose from", "catalogs"), ReadCatalogs,
		func(ctx context.Context, in *connectionInput) (*body[CatalogList], error) {
			return fromCatalogs(a, in.Connection, func(c Catalogs) (CatalogList, error) {
				list, err := c.ListCatalogs(ctx)
				return CatalogList{list}, err
			})
		})
	register(a, get("show-catalog", at+"/catalogs/{name}", "One catalog, Aloware left, HubSpot right", "catalogs"),
		ReadCatalogs, func(ctx context.Context, in *catalogInput) (*body[Catalog], error) {
			return fromCatalogs(a, in.Connection, func(c Catalogs) (Catalog, error) {
				return c.ShowCatalog(ctx, in.Name, CatalogQuery{All: in.All, After: in.After, Limit: in.Limit})
			})
		})
	register(a, get("catalog-history", at+"/catalogs/{name}/history", "What happened to a catalog", "catalogs"),
		ReadCatalogs, func(ctx context.Context, in *catalogNameInput) (*body[CatalogHistory], error) {
			return fromCatalogs(a, in.Connection, func(c Catalogs) (CatalogHistory, error) {
				list, err := c.CatalogChanges(ctx, in.Name)
				return CatalogHistory{list}, err
			})
		})
	register(a, act("declare-disposition", at+"/catalogs/{name}/map", "Say which disposition in Aloware stands for one of HubSpot's",
		"Aloware's public API cannot list dispositions: read the id in Aloware."), ChangeCatalogs, a.declare)
	register(a, act("pull-catalogs", at+"/pull/{name}", "Pull catalogs from HubSpot, and users from Aloware",
		"The owner of the connection does it; …/catalogs tells when it was done."), ChangeCatalogs, a.pull)
}

// fromCatalogs answers from a connection's catalogs.
func fromCatalogs[T any](a *api, connection string, ask func(Catalogs) (T, error)) (*body[T], error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	if conn.Catalogs == nil {
		return nil, fmt.Errorf("%w: this connection has no catalogs here", ErrNotFound)
	}
	got, err := ask(conn.Catalogs)
	if err != nil {
		return nil, err
	}
	return &body[T]{got}, nil
}

func (a *api) declare(ctx context.Context, in *declareInput) (*body[Done], error) {
	by, err := byHolder(ctx, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return fromCatalogs(a, in.Connection, func(c Catalogs) (Done, error) {
		return c.Declare(ctx, in.Name, Declaration{in.Body.HubSpot, in.Body.Aloware, in.Body.Label}, by)
	})
}

func (a *api) pull(ctx context.Context, in *pullInput) (*body[Done], error) {
	by, err := byHolder(ctx, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return fromCatalogs(a, in.Connection, func(c Catalogs) (Done, error) { return c.StartPull(ctx, in.Name, by) })
}

// byHolder is the holder of the request's token, with a reason.
func byHolder(ctx context.Context, reason string) (By, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return By{}, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	return By{Actor: identity(ctx).Actor(), Reason: reason}, nil
}
