"""What people decide: reviews, reports, appeals, quality, consents. Decisions are carried out on videos."""
