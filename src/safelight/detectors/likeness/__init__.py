"""Face and voice matching against consents and protected people. Other people's templates are not kept."""
