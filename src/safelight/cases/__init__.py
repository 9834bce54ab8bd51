"""What people decide: reviews, reports, appeals, quality. Decisions are carried out on videos."""
