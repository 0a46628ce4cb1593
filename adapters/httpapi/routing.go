package httpapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
)

// Route says which user of Aloware a caller is to be put through to, and why; or why to none. It holds no value of
// the caller's.
type Route struct {
	User *Owner `json:"user" doc:"In Aloware; null: no rule says to whom, and reason says why"`
	// Reason is one of the Route words.
	Reason string     `json:"reason" enum:"deal_owner,unknown_number,no_open_deal,no_owner,owner_unknown,no_user"`
	Owner  *Owner     `json:"owner,omitempty" doc:"In HubSpot, of the deal"`
	Deal   *RouteDeal `json:"deal,omitempty"`
	// Contact is whom the deal is about; several may have the number.
	Contact string `json:"contact,omitempty" doc:"ULID"`
	Open    int    `json:"open_deals" doc:"Of everybody with this number; the newest one with an owner decides"`
}

// Reasons of a route.
const (
	RouteFound      = "deal_owner"     // the owner of the caller's newest open deal
	RouteUnknown    = "unknown_number" // nobody has the number
	RouteNoDeal     = "no_open_deal"
	RouteNoOwner    = "no_owner"      // the open deals belong to nobody
	RouteOwnerGone  = "owner_unknown" // the owner is not among those HubSpot lists
	RouteNoUserHere = "no_user"       // no user of Aloware has the owner's email
)

// RouteDeal is the deal that decided, without its name.
type RouteDeal struct {
	ID       string        `json:"id"`
	Pipeline domain.Choice `json:"pipeline"`
	Stage    domain.Choice `json:"stage"`
	URL      string        `json:"url"`
}

type routeInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Phone      string `query:"phone" required:"true" minLength:"3" maxLength:"40" doc:"As dialled; with a plus, or national" example:"+14155550132"`
}

func (a *api) registerRouting() {
	op := get("route-to-deal-owner", "/v1/connections/{connection}/routing/deal-owner",
		"Which user of Aloware owns the caller's open deal", "routing")
	op.Description = "For an IVR. The number is never logged, and the answer is not to be stored."
	register(a, op, RouteCalls, a.routeToDealOwner)
}

func (a *api) routeToDealOwner(ctx context.Context, in *routeInput) (*body[Route], error) {
	conn, err := a.connection(in.Connection)
	if err != nil {
		return nil, err
	}
	if conn.DealOwner == nil {
		return nil, fmt.Errorf("%w: this connection routes no calls", ErrNotFound)
	}
	route, err := conn.DealOwner(ctx, dialled(in.Phone))
	if !identity(ctx).Role.May(ReadContacts) {
		route.User, route.Owner = route.User.idOnly(), route.Owner.idOnly()
	}
	return &body[Route]{route}, err
}

// idOnly leaves out who it is, for who may not read names.
func (o *Owner) idOnly() *Owner {
	if o == nil {
		return nil
	}
	return &Owner{ID: o.ID, Gone: o.Gone}
}

// dialled takes a plus that was sent as it is, which in a query means a space.
func dialled(phone string) string {
	if rest, ok := strings.CutPrefix(phone, " "); ok {
		return "+" + rest
	}
	return phone
}
